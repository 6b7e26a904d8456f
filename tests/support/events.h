// Short ways to write events in a test and to read them back.
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "channel/channel.h"
#include "channel/event.h"
#include "channel/event_batch.h"

namespace spillway::test {

using EventBodies = std::vector<std::string>;

inline channel::EventBatch batch_of(const std::vector<std::string>& bodies) {
  channel::EventBatch batch;
  for (const std::string& body : bodies) batch.add(body);
  return batch;
}

/// `count` events with the bodies "<prefix>0", "<prefix>1" ….
inline channel::EventBatch numbered_batch(std::string_view prefix, std::size_t count) {
  channel::EventBatch batch;
  for (std::size_t i = 0; i < count; ++i) batch.add(std::string(prefix) + std::to_string(i));
  return batch;
}

inline std::vector<std::string> bodies_of(std::span<const channel::EventView> events) {
  std::vector<std::string> bodies;
  for (const channel::EventView& event : events) bodies.emplace_back(event.body());
  return bodies;
}

/// Takes and commits up to `events_max` events without waiting; the bodies, oldest first.
inline std::vector<std::string> take_and_commit(channel::Channel& channel, std::size_t events_max) {
  auto taken = channel.take(events_max, std::chrono::milliseconds(0));
  if (!taken.has_value()) return {"take failed: " + to_string(taken.error())};
  std::vector<std::string> bodies = bodies_of(taken.value()->events());
  const auto committed = taken.value()->commit();
  if (!committed.has_value()) return {"commit failed: " + to_string(committed.error())};
  return bodies;
}

/// Takes and commits until the channel is empty.
inline std::vector<std::string> drain(channel::Channel& channel) {
  std::vector<std::string> all;
  while (true) {
    const std::vector<std::string> some = take_and_commit(channel, channel.transaction_capacity());
    if (some.empty()) return all;
    all.insert(all.end(), some.begin(), some.end());
    if (some.front().starts_with("take failed") || some.front().starts_with("commit failed")) {
      return all;
    }
  }
}

}  // namespace spillway::test
