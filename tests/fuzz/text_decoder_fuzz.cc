// Fuzz target: the first byte chooses a character set and a policy, the rest is text in it or not.
// Whatever is decoded is UTF-8, and no more characters than asked for.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/option_value.h"
#include "agent/text_decoder.h"
#include "agent/text_encoding.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

void check_text(std::string_view input) {
  if (input.empty()) return;
  static const auto charsets = split_choices(kCharsetChoices);
  const auto choice = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  const auto policy = static_cast<DecodePolicy>(choice % 3);
  auto decoder = TextDecoder::create(charsets[choice / 3 % charsets.size()], policy);
  if (!decoder.has_value()) return;  // not on this host
  const std::size_t newline = decoder.value().find_newline(input, 0);
  const std::string_view line = input.substr(0, newline);
  const std::size_t chars_max = 1 + choice % 40;
  std::string text;
  const auto consumed = decoder.value().decode(line, chars_max, text);
  if (consumed.has_value()) {
    CHECK(consumed.value() <= line.size());
    CHECK(consumed.value() > 0 || line.empty());
  } else {
    CHECK(policy == DecodePolicy::kFail && consumed.error().at < line.size());
  }
  std::string repaired;
  append_as_utf8(text, Encoding::kUtf8, repaired);
  CHECK(repaired == text);
  CHECK(count_chars(text, Encoding::kUtf8) <= std::max<std::size_t>(chars_max, 2));
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::check_text({reinterpret_cast<const char*>(data), size});
  return 0;
}
