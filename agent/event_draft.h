// EventDraft: one event on its way through the interceptors, cheap to look at and to change.
//
// A view of the source's event until something is changed; headers are decoded when first asked
// for. Memory is kept from event to event: what fits its arena allocates nothing.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "channel/event.h"
#include "channel/event_batch.h"

namespace spillway::agent {

/// Not thread-safe. Every view it gives is valid until the next reset().
class EventDraft {
 public:
  /// Begins with `event`, whose bytes outlive the draft's use of it.
  void reset(const channel::EventView& event);

  /// Wall time of the batch, milliseconds since 1970.
  [[nodiscard]] std::int64_t wall_ms() const { return wall_ms_; }
  void set_wall_ms(std::int64_t wall_ms) { wall_ms_ = wall_ms; }

  [[nodiscard]] std::optional<std::string_view> header(std::string_view key);
  [[nodiscard]] std::span<const channel::HeaderView> headers();

  /// Adds the header or replaces its value. Both texts outlive the draft's use of this event;
  /// what does not goes through keep().
  void set_header(std::string_view key, std::string_view value);

  /// A copy of the texts, one behind the other, that lives until the next reset().
  std::string_view keep(std::string_view text, std::string_view more = {});

  /// Removes the headers for which `is_unwanted(HeaderView)`.
  template <class IsUnwanted>
  void remove_headers_if(IsUnwanted&& is_unwanted) {
    decode_headers();
    const auto removed = std::remove_if(headers_.begin(), headers_.end(), is_unwanted);
    if (removed == headers_.end()) return;
    headers_.erase(removed, headers_.end());
    is_changed_ = true;
  }

  [[nodiscard]] std::string_view body() const { return body_; }

  /// Empty, to build the next body in while body() is still valid.
  std::string& next_body();
  /// What next_body() holds becomes the body.
  void use_next_body();

  [[nodiscard]] bool is_changed() const { return is_changed_; }

  /// Appends the event as it is now.
  void add_to(channel::EventBatch& batch);

 private:
  void decode_headers();

  std::array<std::byte, 4096> arena_bytes_;
  std::pmr::monotonic_buffer_resource arena_{arena_bytes_.data(), arena_bytes_.size()};
  channel::EventView event_;
  std::int64_t wall_ms_ = 0;
  std::vector<channel::HeaderView> headers_;  // of event_, once decoded
  std::string_view body_;
  std::array<std::string, 2> bodies_;  // body_ may view one while the other is built
  std::size_t next_body_ = 0;
  bool are_headers_decoded_ = false;
  bool is_changed_ = false;
  bool is_arena_used_ = false;
};

}  // namespace spillway::agent
