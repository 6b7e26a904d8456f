// `spillway bench soak`: memory and open files over a long run with a growing and shrinking
// backlog.
#pragma once

#include <span>
#include <string_view>

namespace spillway::bench {

inline constexpr std::string_view kSoakUsage =
    "usage: spillway bench soak [--dir DIR] [--seconds N] [--event-bytes N] [--backlog-mib N]\n"
    "                           [--cache-mib N] [--put-megabytes-per-second N] [--json FILE]\n"
    "\n"
    "Puts events (500 bytes) at a steady rate (100 MB/s) for --seconds (600) while the consumer\n"
    "pauses until --backlog-mib (1024, at most a quarter of the free disk) wait, drains them, and\n"
    "pauses again. Says whether resident memory drifts by more than 64 MiB from cycle to cycle, "
    "and\n"
    "whether files are left open; exit code 1 when one of them is so.\n";

/// `words` are the arguments behind `soak`. Returns the process's exit code.
int run_soak_bench(std::span<const std::string_view> words);

}  // namespace spillway::bench
