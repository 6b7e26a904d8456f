// A point in time as an operator writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace spillway::agent::recover {

/// "2026-01-31", "2026-01-31 23:59", "2026-01-31T23:59:59Z", "2026-01-31 23:59:59 UTC": always UTC;
/// or milliseconds since 1970-01-01. In milliseconds; nullopt for anything else.
std::optional<std::uint64_t> parse_time(std::string_view text);

}  // namespace spillway::agent::recover
