// `spillway bench backlog`: what a backlog costs, by its size.
#pragma once

#include <span>
#include <string_view>

namespace spillway::bench {

inline constexpr std::string_view kBacklogUsage =
    "usage: spillway bench backlog [--dir DIR] [--events N,N…] [--event-bytes N] [--samples N]\n"
    "                              [--json FILE]\n"
    "\n"
    "Fills a file channel with each number of events (default 1000000,10000000), kills the "
    "process\n"
    "and measures what a start on that backlog costs, --samples (5) times, each killed again.\n";

/// `words` are the arguments behind `backlog`. Returns the process's exit code.
int run_backlog_bench(std::span<const std::string_view> words);

}  // namespace spillway::bench
