// What a sink is handed: views over a batch.
#pragma once

#include <initializer_list>
#include <string_view>
#include <vector>

#include "channel/event_batch.h"

namespace spillway::test {

inline channel::EventBatch batch_of(std::initializer_list<std::string_view> bodies) {
  channel::EventBatch batch;
  for (const std::string_view body : bodies) batch.add(body);
  return batch;
}

/// Valid as long as `batch`.
inline std::vector<channel::EventView> views_of(const channel::EventBatch& batch) {
  std::vector<channel::EventView> views;
  for (std::size_t i = 0; i < batch.size(); ++i) views.push_back(batch[i]);
  return views;
}

}  // namespace spillway::test
