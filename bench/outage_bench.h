// `spillway bench outage`: a dual channel whose sink is dead for a while and then returns.
#pragma once

#include <span>
#include <string_view>

namespace spillway::bench {

inline constexpr std::string_view kOutageUsage =
    "usage: spillway bench outage [--dir DIR] [--seconds N] [--event-bytes N]\n"
    "                             [--put-megabytes-per-second N] [--json FILE]\n"
    "\n"
    "Puts events (500 bytes) at a steady rate (50 MB/s) into a dual channel, whose consumer keeps\n"
    "up, then does nothing for --seconds (60), and then drains the channel. Says what was lost or\n"
    "out of order, how much memory grew, and how fast the backlog went; exit code 1 when anything\n"
    "was lost or out of order.\n";

/// `words` are the arguments behind `outage`. Returns the process's exit code.
int run_outage_bench(std::span<const std::string_view> words);

}  // namespace spillway::bench
