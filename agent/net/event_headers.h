// EventHeaders: the headers of the event under construction, without allocation.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "channel/event.h"
#include "wal/base/check.h"

namespace spillway::agent {

/// Holds views only. Later values of a key replace earlier ones, as in Flume's map.
class EventHeaders {
 public:
  void put(std::string_view key, std::string_view value) {
    for (std::size_t i = 0; i < count_; ++i) {
      if (headers_[i].key != key) continue;
      headers_[i].value = value;
      return;
    }
    CHECK(count_ < headers_.size());
    headers_[count_++] = {.key = key, .value = value};
  }
  void clear() { count_ = 0; }
  [[nodiscard]] std::span<const channel::HeaderView> all() const {
    return std::span(headers_).first(count_);
  }

 private:
  std::array<channel::HeaderView, 16> headers_{};
  std::size_t count_ = 0;
};

}  // namespace spillway::agent
