#include "agent/option_value.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

#include "agent/suggestion.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kQuotedBytesMax = 80;
constexpr std::string_view kWhiteSpace = " \t\n\r\f\v";

struct Unit {
  std::string_view suffix;
  std::uint64_t factor;
};

constexpr std::array kSizeUnits{Unit{"B", 1}, Unit{"KiB", 1ULL << 10}, Unit{"MiB", 1ULL << 20},
                                Unit{"GiB", 1ULL << 30}, Unit{"TiB", 1ULL << 40}};
constexpr std::array kTimeUnits{Unit{"ms", 1}, Unit{"s", 1'000}, Unit{"min", 60'000},
                                Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};

std::optional<std::uint64_t> multiply(std::uint64_t number, std::uint64_t factor) {
  std::uint64_t product = 0;
  if (__builtin_mul_overflow(number, factor, &product)) return std::nullopt;
  return product;
}

std::optional<std::uint64_t> parse_with_unit(std::string_view text, std::span<const Unit> units,
                                             std::uint64_t bare_factor) {
  const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::optional<std::uint64_t> number = parse_count(text.substr(0, digits));
  if (!number) return std::nullopt;
  std::string_view suffix = text.substr(digits);
  if (suffix.empty()) return multiply(*number, bare_factor);
  if (suffix.front() == ' ') suffix.remove_prefix(1);  // "16 MiB"
  for (const Unit& unit : units) {
    if (unit.suffix == suffix) return multiply(*number, unit.factor);
  }
  return std::nullopt;
}

std::optional<std::string> refuse_enum(const OptionSpec& spec, std::string_view text) {
  const std::vector<std::string_view> choices = split_choices(spec.choices);
  const std::string lower = to_lower(text);
  std::string listed;
  for (const std::string_view choice : choices) {
    if (to_lower(choice) == lower) return std::nullopt;
    listed += listed.empty() ? "" : ", ";
    listed += choice;
  }
  const std::string_view near = nearest(text, choices);
  return fmt::format("{} is not one of {}{}", in_quotes(text), listed, did_you_mean(near));
}

struct Quantity {
  std::optional<std::uint64_t> value;
  std::uint64_t bare_factor = 1;  // what 1 is worth in the unit of `value`
  std::string_view unit;
  std::string_view how_to_write;
};

Quantity parse_quantity(OptionType type, std::string_view text) {
  switch (type) {
    case OptionType::kBytes:
      return {parse_bytes(text), 1, " bytes",
              "a size: write a number of bytes, or 64KiB, 16MiB, 1GiB"};
    case OptionType::kMillis:
      return {parse_millis(text, 1), 1, " ms",
              "a duration: write a number of milliseconds, or 250ms, 3s, 5min"};
    case OptionType::kSeconds:
      return {parse_millis(text, 1000), 1000, " s",
              "a duration: write a number of seconds, or 250ms, 3s, 5min"};
    default:
      return {parse_count(text), 1, "", "a whole number"};
  }
}

std::optional<std::string> refuse_quantity(const OptionSpec& spec, std::string_view text) {
  const Quantity quantity = parse_quantity(spec.type, text);
  if (!quantity.value) {
    // Twenty digits and more are numbers too, only not ours.
    const bool is_number = text.find_first_not_of("0123456789") == std::string_view::npos;
    if (is_number) return fmt::format("{} is too large", in_quotes(text));
    return fmt::format("{} is not {}", in_quotes(text), quantity.how_to_write);
  }
  const std::optional<std::uint64_t> min = multiply(spec.min, quantity.bare_factor);
  const std::optional<std::uint64_t> max = multiply(spec.max, quantity.bare_factor);
  if (!min || *quantity.value < *min) {
    return fmt::format("{} is below the minimum of {}{}", text, spec.min, quantity.unit);
  }
  if (max && *quantity.value > *max) {
    return fmt::format("{} is above the maximum of {}{}", text, spec.max, quantity.unit);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> refuse_value(const OptionSpec& spec, std::string_view text) {
  if (text.empty()) {
    if (spec.is_required) return "has no value";
    return "has no value; write one, or remove the key for the default";
  }
  switch (spec.type) {
    case OptionType::kString:
    case OptionType::kPath:
    case OptionType::kList:
      return std::nullopt;
    case OptionType::kBool:
      if (parse_bool(text)) return std::nullopt;
      return fmt::format("{} is not a boolean: write true or false", in_quotes(text));
    case OptionType::kEnum:
      return refuse_enum(spec, text);
    case OptionType::kBytes:
    case OptionType::kMillis:
    case OptionType::kSeconds:
    case OptionType::kCount:
      return refuse_quantity(spec, text);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_bytes(std::string_view text) {
  return parse_with_unit(text, kSizeUnits, 1);
}

std::optional<std::uint64_t> parse_millis(std::string_view text, std::uint64_t bare_unit_ms) {
  return parse_with_unit(text, kTimeUnits, bare_unit_ms);
}

std::optional<bool> parse_bool(std::string_view text) {
  const std::string lower = to_lower(text);
  if (lower == "true") return true;
  if (lower == "false") return false;
  return std::nullopt;
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(kWhiteSpace), text.size()));
    if (text.empty()) return words;
    const std::size_t end = std::min(text.find_first_of(kWhiteSpace), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::vector<std::string_view> split_choices(std::string_view choices) {
  std::vector<std::string_view> items;
  while (!choices.empty()) {
    const std::size_t end = std::min(choices.find('|'), choices.size());
    items.push_back(choices.substr(0, end));
    choices.remove_prefix(std::min(end + 1, choices.size()));
  }
  return items;
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string in_quotes(std::string_view text) {
  std::size_t end = std::min(text.size(), kQuotedBytesMax);
  // Not inside a character: bytes 0x80 to 0xbf continue one.
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) {
    --end;
  }
  std::string out = "\"";
  for (const char c : text.substr(0, end)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + (end < text.size() ? "…\"" : "\"");
}

}  // namespace spillway::agent
