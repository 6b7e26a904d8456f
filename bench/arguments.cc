#include "bench/arguments.h"

#include <fmt/format.h>

#include <charconv>

namespace spillway::bench {

std::vector<std::string_view> split_list(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::optional<std::vector<std::uint64_t>> parse_numbers(std::string_view text) {
  std::vector<std::uint64_t> numbers;
  for (const std::string_view part : split_list(text)) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), number);
    if (error != std::errc{} || end != part.data() + part.size()) return std::nullopt;
    numbers.push_back(number);
  }
  return numbers;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  const auto numbers = parse_numbers(text);
  if (!numbers || numbers->size() != 1 || numbers->front() == 0) return std::nullopt;
  return numbers->front();
}

std::optional<wal::WritePath> parse_write_path(std::string_view text) {
  if (text == "auto") return wal::WritePath::kAuto;
  if (text == "threads") return wal::WritePath::kThreads;
  if (text == "ring") return wal::WritePath::kRing;
  return std::nullopt;
}

std::optional<std::string> read_arguments(std::span<const std::string_view> words,
                                          const SetArgument& set) {
  for (std::size_t i = 0; i < words.size(); i += 2) {
    if (i + 1 == words.size()) return fmt::format("{}: a value is missing", words[i]);
    if (auto problem = set(words[i], words[i + 1])) return problem;
  }
  return std::nullopt;
}

std::string command_line(std::span<const std::string_view> words) {
  std::string line = "spillway bench";
  for (const std::string_view word : words) line += " " + std::string(word);
  return line;
}

}  // namespace spillway::bench
