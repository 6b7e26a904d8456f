// Command lines of the benchmarks: pairs of `--name value`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wal/options.h"

namespace spillway::bench {

/// As the sub-commands of the agent: 0 fine, 1 failed, 2 bad usage.
inline constexpr int kExitFine = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadUsage = 2;

/// "4" or "1,8,64", without signs and spaces; nothing when it is not that.
std::optional<std::vector<std::uint64_t>> parse_numbers(std::string_view text);

/// One number from 1 on.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// Parts between commas, empty ones included.
std::vector<std::string_view> split_list(std::string_view text);

/// As the channel's option `writePath`.
std::optional<wal::WritePath> parse_write_path(std::string_view text);

/// Understands one pair; says what is wrong with it, or nothing.
using SetArgument =
    std::function<std::optional<std::string>(std::string_view name, std::string_view value)>;

/// The first thing that is wrong with `words`, or nothing.
std::optional<std::string> read_arguments(std::span<const std::string_view> words,
                                          const SetArgument& set);

/// For the report file.
std::string command_line(std::span<const std::string_view> words);

}  // namespace spillway::bench
