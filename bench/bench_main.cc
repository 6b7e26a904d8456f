#include "bench/bench_main.h"

#include <fmt/format.h>

#include <cstdio>
#include <span>
#include <string_view>
#include <vector>

#include "bench/arguments.h"
#include "bench/backlog_bench.h"
#include "bench/channel_bench.h"
#include "bench/goal_bench.h"
#include "bench/outage_bench.h"
#include "bench/soak_bench.h"
#include "wal/base/log.h"

namespace spillway::bench {

int bench_main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  const std::string_view first = words.empty() ? "" : words.front();
  const std::span<const std::string_view> rest =
      words.empty() ? words : std::span(words).subspan(1);
  set_log_level(LogLevel::kWarn);
  if (first == "channel") return run_channel_bench(rest);
  if (first == "backlog") return run_backlog_bench(rest);
  if (first == "outage") return run_outage_bench(rest);
  if (first == "soak") return run_soak_bench(rest);
  if (first.starts_with("--") && first != "--help") return run_goal_bench(words);
  const bool is_asked = first == "--help" || first == "-h";
  fmt::print(is_asked ? stdout : stderr, "{}\n{}\n{}\n{}\n{}", kGoalUsage, kChannelUsage,
             kBacklogUsage, kOutageUsage, kSoakUsage);
  return is_asked ? kExitFine : kExitBadUsage;
}

}  // namespace spillway::bench
