#include "bench/bench_command.h"

#include <fmt/format.h>

#include <cstdio>
#include <optional>

namespace spillway::bench {
namespace {

Result<bool> run_and_report(const BenchCommand& command, const std::string& directory,
                            const std::string& json_path, Report& report) {
  TRY_ASSIGN(const bool is_kept, command.run(directory, report));
  if (!json_path.empty()) TRY(write_report(json_path, report));
  return is_kept;
}

}  // namespace

int run_bench_command(const BenchCommand& command, std::span<const std::string_view> words) {
  std::string directory = ".";
  std::string json_path;
  const auto problem = read_arguments(
      words, [&](std::string_view name, std::string_view value) -> std::optional<std::string> {
        if (name != "--dir" && name != "--json") return command.set_argument(name, value);
        (name == "--dir" ? directory : json_path) = value;
        return std::nullopt;
      });
  if (problem) {
    fmt::print(stderr, "spillway bench: {}\n\n{}", *problem, command.usage);
    return kExitBadUsage;
  }
  Report report{.kind = command.kind, .command = command_line(words)};
  const Result<bool> kept = run_and_report(command, directory, json_path, report);
  if (kept.has_value()) return kept.value() ? kExitFine : kExitFailed;
  fmt::print(stderr, "spillway bench: {}\n", to_string(kept.error()));
  return kExitFailed;
}

}  // namespace spillway::bench
