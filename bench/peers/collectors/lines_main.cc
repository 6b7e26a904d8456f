// spillway-bench-lines: sends numbered syslog lines to a collector and checks what it wrote.
// bench/peers/collectors/compare.py drives it.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bench/arguments.h"
#include "bench/peers/collectors/line_sender.h"
#include "bench/peers/collectors/numbered_lines.h"

namespace spillway::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: spillway-bench-lines send PORT CONNECTIONS FIRST LINES SECONDS_MAX [DIR BYTES]\n"
    "       spillway-bench-lines await DIR BYTES SECONDS_MAX\n"
    "       spillway-bench-lines check DIR LINES\n"
    "\n"
    "send: lines of 500 bytes with the numbers from FIRST on, to a port of this machine; with DIR\n"
    "      waits until its files have BYTES. await: the time from their first byte to that. check: "
    "do\n"
    "      the files in DIR hold the lines 0 to LINES - 1? All answer with one line, `ok "
    "name=value...`\n"
    "      or `failed WHY`.\n";

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
constexpr std::uint64_t kSecondsMax = 1'000'000;

int fail(const std::string& why) {
  fmt::print("failed {}\n", why);
  return kExitFailed;
}

int send(const LineLoad& load) {
  const auto times = send_lines(load);
  if (!times.has_value()) return fail(to_string(times.error()));
  fmt::print("ok sent_seconds={:.6f} read_seconds={:.6f} written_seconds={:.6f}\n",
             times.value().sent_seconds, times.value().read_seconds, times.value().written_seconds);
  return kExitFine;
}

int await(const std::string& directory, std::uint64_t bytes, std::uint64_t seconds_max) {
  const auto seconds = await_output(directory, bytes, seconds_max * kNsPerSecond);
  if (!seconds.has_value()) return fail(to_string(seconds.error()));
  fmt::print("ok seconds={:.6f}\n", seconds.value());
  return kExitFine;
}

int check(const std::string& directory, std::uint64_t lines) {
  LineChecker checker(lines);
  std::vector<char> piece(1 << 20);
  std::error_code error;
  for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end;
       at.increment(error)) {
    std::ifstream file(at->path(), std::ios::binary);
    if (!file) return fail("cannot open " + at->path().string());
    while (file.read(piece.data(), static_cast<std::streamsize>(piece.size())) ||
           file.gcount() > 0) {
      checker.feed({piece.data(), static_cast<std::size_t>(file.gcount())});
    }
    checker.finish();
  }
  if (error) return fail("cannot read " + directory + ": " + error.message());
  fmt::print("ok good={} missing={} repeated={} wrong={} disordered={}\n", checker.good(),
             checker.missing(), checker.repeated(), checker.wrong(), checker.disordered());
  return kExitFine;
}

// From 0 on, at most `max`.
std::optional<std::uint64_t> number(std::string_view word, std::uint64_t max) {
  const auto numbers = parse_numbers(word);
  if (!numbers || numbers->size() != 1 || numbers->front() > max) return std::nullopt;
  return numbers->front();
}

std::optional<LineLoad> load_of(const std::vector<std::string_view>& words) {
  if (words.size() != 6 && words.size() != 8) return std::nullopt;
  const auto port = number(words[1], UINT16_MAX);
  const auto connections = number(words[2], kConnectionsMax);
  const auto first = number(words[3], kLinesMax);
  const auto lines = number(words[4], kLinesMax);
  const auto seconds = number(words[5], kSecondsMax);
  const auto bytes = number(words.size() == 8 ? words[7] : "0", UINT64_MAX);
  if (!port || !connections || *connections == 0 || !first || !lines || !seconds || !bytes ||
      *first + *lines > kLinesMax) {
    return std::nullopt;
  }
  return LineLoad{.port = static_cast<std::uint16_t>(*port),
                  .connections = *connections,
                  .first = *first,
                  .lines = *lines,
                  .output = std::string(words.size() == 8 ? words[6] : ""),
                  .output_bytes = *bytes,
                  .timeout_ns = *seconds * kNsPerSecond};
}

int lines_main(const std::vector<std::string_view>& words) {
  if (!words.empty() && words[0] == "send") {
    if (const auto load = load_of(words)) return send(*load);
  }
  if (words.size() == 4 && words[0] == "await") {
    const auto bytes = number(words[2], UINT64_MAX);
    const auto seconds = number(words[3], kSecondsMax);
    if (bytes && seconds) return await(std::string(words[1]), *bytes, *seconds);
  }
  if (words.size() == 3 && words[0] == "check") {
    if (const auto lines = number(words[2], kLinesMax)) {
      return check(std::string(words[1]), *lines);
    }
  }
  fmt::print(stderr, "{}", kUsage);
  return kExitBadUsage;
}

}  // namespace
}  // namespace spillway::bench

int main(int argc, char** argv) {
  return spillway::bench::lines_main({argv + 1, argv + argc});
}
