// The text of one option value: checked against its row, and read as number, size or duration.
//
// Strict where Flume is silent: anything that is not plainly a value of the option's type is
// refused with a sentence that says what to write. Human units are an extension.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/component.h"

namespace spillway::agent {

/// Why `text` is not a value of `spec`; nullopt when it is one.
std::optional<std::string> refuse_value(const OptionSpec& spec, std::string_view text);

/// A decimal number; nullopt also when it does not fit.
std::optional<std::uint64_t> parse_count(std::string_view text);

/// Bytes: a number, or a number with B, KiB, MiB, GiB or TiB.
std::optional<std::uint64_t> parse_bytes(std::string_view text);

/// Milliseconds: a number with ms, s, min, h or d; a bare number is in `bare_unit_ms` milliseconds.
std::optional<std::uint64_t> parse_millis(std::string_view text, std::uint64_t bare_unit_ms);

/// "true" or "false" in any case.
std::optional<bool> parse_bool(std::string_view text);

/// Split on any run of white space; no empty items.
std::vector<std::string> split_words(std::string_view text);

/// The items of OptionSpec::choices.
std::vector<std::string_view> split_choices(std::string_view choices);

/// ASCII only, whatever the locale.
std::string to_lower(std::string_view text);

/// `text` in double quotes, fit for a terminal: control bytes escaped, cut after 80 bytes.
std::string in_quotes(std::string_view text);

}  // namespace spillway::agent
