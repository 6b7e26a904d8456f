// Events of the generated code, made at random and compared with our views.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "channel/event.h"
#include "channel/event.pb.h"
#include "channel/event_batch.h"
#include "wal/base/random.h"

namespace spillway::test {

/// The same headers in the same order and the same body; unknown fields do not count.
inline bool is_same(const channel::EventView& view, const channel::pb::Event& message) {
  std::vector<channel::HeaderView> headers;
  view.for_each_header([&headers](const channel::HeaderView& one) { headers.push_back(one); });
  if (view.body() != message.body()) return false;
  if (headers.size() != static_cast<std::size_t>(message.headers_size())) return false;
  int index = 0;
  for (const channel::HeaderView& one : headers) {
    const channel::pb::Header& other = message.headers(index++);
    if (one.key != other.key() || one.value != other.value()) return false;
  }
  return true;
}

inline std::string random_bytes(Random& random, std::size_t count_max) {
  std::string bytes(random.between(0, count_max), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random.below(256));
  return bytes;
}

/// Any bytes everywhere: empty keys and values, no UTF-8, now and then a large body.
inline channel::pb::Event random_event(Random& random) {
  channel::pb::Event event;
  const std::uint64_t header_count = random.below(6);
  for (std::uint64_t i = 0; i < header_count; ++i) {
    channel::pb::Header* const header = event.add_headers();
    header->set_key(random_bytes(random, 20));
    header->set_value(random_bytes(random, random.one_in(20) ? 20'000 : 40));
  }
  event.set_body(random_bytes(random, random.one_in(50) ? 300'000 : 400));
  return event;
}

/// Adds `message` field by field, as a source would.
inline void add_event(channel::EventBatch& batch, const channel::pb::Event& message) {
  std::vector<channel::HeaderView> headers;
  for (const channel::pb::Header& one : message.headers()) {
    headers.push_back({one.key(), one.value()});
  }
  batch.add(headers, message.body());
}

}  // namespace spillway::test
