// A process that does some work and is then killed: the crash that a start has to cope with.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "bench/bench_channel.h"
#include "wal/base/result.h"

namespace spillway::bench {

/// Numbers that one child may hand over.
inline constexpr std::size_t kChildNumbersMax = 16;

/// What the child does; what it puts into `kept` is alive, and not stopped, when it is killed.
using KilledWork = std::function<Result<std::vector<double>>(std::unique_ptr<BenchChannel>& kept)>;

/// Runs `work` in a child process, which is killed (SIGKILL) as soon as it returns: nothing is
/// closed or flushed. Returns what `work` returned. Only while this process has no thread but the
/// caller.
Result<std::vector<double>> run_and_kill(const KilledWork& work);

/// Resident bytes of this process.
double resident_bytes();

}  // namespace spillway::bench
