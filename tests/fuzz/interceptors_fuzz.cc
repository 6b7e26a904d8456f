// Fuzz target: what operators write for interceptors, and bodies from anywhere. The first line is a
// pattern, the second a replacement or a pattern of a time, the rest the body. Nothing may crash or
// take long; what compiles must do so again, and a match lies inside its text.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/java_replacement.h"
#include "agent/joda_time.h"
#include "agent/regex.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kReplacedBytesMax = 4096;  // a body that a replacement blows up says no more

std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void check_match(const Regex& regex, std::string_view body) {
  Regex::Match match;
  if (regex.find(body, 0, match) != Regex::Found::kMatch) return;
  CHECK(match.begin() <= match.end());
  CHECK(match.end() <= body.size());
  CHECK(match.group(0) == body.substr(match.begin(), match.end() - match.begin()));
  for (std::size_t i = 1; i <= regex.group_count(); ++i) {
    if (const auto group = match.group(i)) CHECK(group->size() <= body.size());
  }
  CHECK(!match.group(regex.group_count() + 1));
}

void run(std::string_view input) {
  const std::string_view pattern = take_line(input);
  const std::string_view second = take_line(input);
  const auto time = JodaTime::compile(second);
  if (time.has_value()) static_cast<void>(time.value().parse(input, 2026));

  const auto regex = Regex::compile(pattern);
  CHECK(regex.has_value() == !Regex::refuse(pattern).has_value());
  if (!regex.has_value()) return;
  check_match(regex.value(), input);
  static_cast<void>(regex.value().matches_all(input));
  const auto replacement = JavaReplacement::compile(second, regex.value());
  if (!replacement.has_value() || input.size() > kReplacedBytesMax) return;
  std::string out;
  static_cast<void>(replacement.value().replace_all(regex.value(), input, out));
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
