// `spillway bench channel`: durable puts beside the bare device, by producers and batch size.
#pragma once

#include <span>
#include <string_view>

namespace spillway::bench {

inline constexpr std::string_view kChannelUsage =
    "usage: spillway bench channel [--dir DIR] [--producers N,N…] [--consumers N] [--batch N,N…]\n"
    "                              [--event-bytes N] [--sample-millis N] [--samples N]\n"
    "                              [--write-path auto|threads|ring] [--spare-slots N]\n"
    "                              [--data-dirs DIR,DIR…] [--json FILE]\n"
    "\n"
    "Commits events durably to a file channel in DIR (default: the current directory) for each\n"
    "combination of producers and batch. Before and after every sample the bare device makes\n"
    "durable 4 KiB writes one at a time; ratios are against those. With few spare slots a long\n"
    "sample measures making new ones, too.\n";

/// `words` are the arguments behind `channel`. Returns the process's exit code.
int run_channel_bench(std::span<const std::string_view> words);

}  // namespace spillway::bench
