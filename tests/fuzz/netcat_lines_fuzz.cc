// Fuzz target: bytes a netcat client may send. Lines come out alike in any pieces, are valid UTF-8
// within the limit, and what is kept in memory stays bounded. The first byte chooses the settings.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/charset.h"
#include "agent/sources/netcat_lines.h"
#include "tests/fuzz/piece_memory.h"
#include "wal/base/check.h"
#include "wal/base/utf8.h"

namespace spillway::agent {
namespace {

bool is_valid_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

struct Settings {
  std::size_t line_chars_max = 1;
  Charset charset = {};
};

struct Outcome {
  std::vector<std::string> bodies;
  bool is_too_long = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

std::vector<Charset> charsets() {
  std::vector<Charset> all{Encoding::kUtf8, Encoding::kUsAscii, Encoding::kIso88591};
  for (const char* const name : {"gb18030", "shift_jis", "utf-16le", "windows-1252"}) {
    all.push_back(Charset::named(name).value());
  }
  return all;
}

Outcome split(std::string_view text, const Settings& settings, std::size_t piece_bytes) {
  Outcome outcome;
  NetcatLines lines(settings.line_chars_max, settings.charset);
  std::string_view body;
  while (!text.empty() && !outcome.is_too_long) {
    PieceMemory piece(text.substr(0, piece_bytes));
    text.remove_prefix(piece.size());
    lines.feed(piece.read());
    NetcatLines::Next next = lines.next(body);
    for (; next == NetcatLines::Next::kLine; next = lines.next(body)) {
      outcome.bodies.emplace_back(body);
    }
    lines.settle();
    outcome.is_too_long = next == NetcatLines::Next::kTooLong;
  }
  return outcome;
}

void check_lines(std::string_view input) {
  if (input.empty()) return;
  const auto choice = static_cast<unsigned char>(input.front());
  static const std::vector<Charset> kCharsets = charsets();
  const Settings settings{.line_chars_max = 1 + choice / 3U,
                          .charset = kCharsets[choice % kCharsets.size()]};
  const std::string_view text = input.substr(1);
  const Outcome whole = split(text, settings, text.size());
  CHECK(split(text, settings, 1) == whole);
  CHECK(split(text, settings, 7) == whole);
  for (const std::string& body : whole.bodies) {
    CHECK(is_valid_utf8(body));
    CHECK(body.find('\n') == std::string::npos);
    // A stray byte is no character of the input, but one of the body.
    CHECK(body.size() <= settings.line_chars_max * 12);
  }
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::check_lines({reinterpret_cast<const char*>(data), size});
  return 0;
}
