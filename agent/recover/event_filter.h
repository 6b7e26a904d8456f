// Which events of a channel an offline command is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace spillway::agent::recover {

struct EventFilter {
  bool is_all = false;  // acknowledged events that are still in a segment, too
  std::uint64_t from = 1;
  std::uint64_t to = UINT64_MAX;  // the last sequence wanted
  std::uint64_t limit = UINT64_MAX;
  std::vector<std::pair<std::string, std::string>> headers{};  // all of them have to match
  std::optional<std::uint64_t> after_ms{};                     // wall time, this included
  std::optional<std::uint64_t> before_ms{};                    // wall time, this not included

  /// Nothing that waits is left out.
  [[nodiscard]] bool takes_all_that_waits() const {
    return from <= 1 && to == UINT64_MAX && limit == UINT64_MAX && headers.empty() && !has_times();
  }
  [[nodiscard]] bool has_times() const { return after_ms.has_value() || before_ms.has_value(); }
};

}  // namespace spillway::agent::recover
