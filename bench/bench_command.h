// What the sub-commands of `spillway bench` have in common: --dir and --json, words that are wrong,
// the report file and the exit status. Each says what its other words mean, and does the work.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "bench/arguments.h"
#include "bench/report_file.h"
#include "wal/base/result.h"

namespace spillway::bench {

struct BenchCommand {
  std::string kind = {};        // of the report
  std::string_view usage = {};  // printed below what is wrong with the words
  SetArgument set_argument = {};
  /// Works in `directory` and adds rows to the report; false when what it judges is not kept.
  std::function<Result<bool>(const std::string& directory, Report& report)> run = {};
};

/// The exit status. Problems go to standard error.
int run_bench_command(const BenchCommand& command, std::span<const std::string_view> words);

}  // namespace spillway::bench
