// The workload of bench/instructions.py: puts, or puts and takes, of a fixed number of events by
// one thread and nothing in the background, so that two runs execute the same instructions.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "bench/arguments.h"
#include "channel/event_batch.h"
#include "channel/file_channel.h"
#include "wal/base/log.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::size_t kEventBytes = 500;

struct Workload {
  std::string directory;
  bool has_takes = false;
  std::uint64_t batch_events = 1;
  std::uint64_t events = 0;
};

Result<void> put_all(channel::FileChannel& channel, const Workload& workload) {
  const std::string body(kEventBytes, 'x');
  channel::EventBatch batch;
  for (std::uint64_t done = 0; done < workload.events; done += workload.batch_events) {
    batch.clear();
    for (std::uint64_t i = 0; i < workload.batch_events; ++i) batch.add(body);
    TRY(channel.put(batch));
  }
  return {};
}

Result<void> take_all(channel::FileChannel& channel, const Workload& workload) {
  std::uint64_t left = workload.events;
  while (left > 0) {
    TRY_ASSIGN(const auto taken, channel.take(workload.batch_events, std::chrono::milliseconds(0)));
    if (taken->events().empty()) return Error{.code = Errc::kCorrupt, .what = "events are missing"};
    left -= std::min<std::uint64_t>(left, taken->events().size());
    TRY(taken->commit());
  }
  return {};
}

Result<void> run(const Workload& workload) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  channel::FileChannelOptions options{.name = "instructions",
                                      .checkpoint_dir = workload.directory + "/checkpoint",
                                      .data_dirs = {workload.directory + "/data"}};
  options.log.background = wal::Background::kNone;
  channel::FileChannel channel(options, file_system, clock);
  TRY(channel.start());
  TRY(put_all(channel, workload));
  if (workload.has_takes) TRY(take_all(channel, workload));
  channel.stop();
  return {};
}

int instructions_main(const std::vector<std::string_view>& words) {
  const auto batch = words.size() == 4 ? parse_count(words[2]) : std::nullopt;
  const auto events = words.size() == 4 ? parse_count(words[3]) : std::nullopt;
  if (!batch || !events || (words[1] != "put" && words[1] != "take")) {
    fmt::print(stderr, "usage: instructions_load DIR put|take BATCH EVENTS\n");
    return kExitBadUsage;
  }
  set_log_level(LogLevel::kWarn);
  const auto done = run({.directory = std::string(words[0]),
                         .has_takes = words[1] == "take",
                         .batch_events = *batch,
                         .events = *events});
  if (done.has_value()) return kExitFine;
  fmt::print(stderr, "instructions_load: {}\n", to_string(done.error()));
  return kExitFailed;
}

}  // namespace
}  // namespace spillway::bench

int main(int argc, char** argv) {
  return spillway::bench::instructions_main({argv + 1, argv + argc});
}
