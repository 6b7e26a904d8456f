// `spillway bench --goal G5`: the engine's goals, measured beside their controls.
#pragma once

#include <span>
#include <string_view>

namespace spillway::bench {

inline constexpr std::string_view kGoalUsage =
    "usage: spillway bench --goal NAME[,NAME…]|all [--dir DIR] [--samples N] [--sample-millis N]\n"
    "                      [--event-bytes N] [--events N] [--backlog-event-bytes N] "
    "[--goal-seconds-max N]\n"
    "                      [--write-path auto|threads|ring] [--json FILE]\n"
    "\n"
    "Measures the engine's goals (docs/benchmarks.md) with file channels in DIR (default: the\n"
    "current directory), between controls of the bare device; --samples (7) accepted ones each,\n"
    "--sample-millis (400) per load, and not for longer than --goal-seconds-max (25) per goal.\n"
    "--events (5000000) is the backlog of G10 and G11; --write-path is for G1 to G8.\n";

/// `words` are the arguments behind `bench`. Returns the process's exit code.
int run_goal_bench(std::span<const std::string_view> words);

}  // namespace spillway::bench
