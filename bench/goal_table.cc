// The goals, as data: the numbers here are the ones docs/benchmarks.md gives reasons for.
#include <algorithm>
#include <array>
#include <cctype>

#include "bench/goal.h"

namespace spillway::bench {
namespace {

using enum Against;
using enum Sense;

constexpr std::array kLoneRate{
    GoalLine{"commits, 1 producer x 1 event", "/s", "B1", kB1Rate, kAtLeast, 0.80, 0.95},
    GoalLine{"commits, 1 producer x 1 event", "/s", "B0", kMeasured, kAtLeast, 1.8, kNoBound}};

constexpr std::array kLoneLatency{
    GoalLine{"commit p50, 1 producer x 1 event", "us", "B1 p50", kB1P50, kAtMost, 1.4, 1.15},
    GoalLine{"commit p99, 1 producer x 1 event", "us", "B1 p99", kB1P99, kAtMost, 2.0, 1.5},
    GoalLine{"commit p99.9, 1 producer x 1 event", "us", "B1 p99.9", kB1P999, kAtMost, 3.0, 2.0}};

constexpr std::array kGroupCommit{
    GoalLine{"commits, 2 producers x 1", "/s", "1 producer", kMeasured, kAtLeast, 1.6, 1.9},
    GoalLine{"commits, 4 producers x 1", "/s", "1 producer", kMeasured, kAtLeast, 2.2, 3.5},
    GoalLine{"commits, 8 producers x 1", "/s", "1 producer", kMeasured, kAtLeast, 3.5, 5},
    GoalLine{"commits, 16 producers x 1", "/s", "1 producer", kMeasured, kAtLeast, 6, 8},
    GoalLine{"commits, 64 producers x 1", "/s", "1 producer", kMeasured, kAtLeast, 9, 14}};

constexpr std::array kGroupLatency{
    GoalLine{"commit p99, 16 producers x 1", "us", "B1 p99", kB1P99, kAtMost, 4, 2.5}};

constexpr std::array kThroughput{
    GoalLine{"event bytes, 8 producers x 100", "MB/s", "W", kMeasured, kAtLeast, 0.50, 0.75},
    GoalLine{"event bytes, 8 producers x 100", "MB/s", "bare groups", kMeasured, kAtLeast, kNoBound,
             kNoBound}};

constexpr std::array kAsync{GoalLine{"event bytes, async, 2 producers x 100", "MB/s", "W",
                                     kMeasured, kAtLeast, 0.70, 0.90}};

constexpr std::array kCpu{
    GoalLine{"CPU per event, 16 producers x 1", "us", "-", kNothing, kAtMost, 6, 4},
    GoalLine{"CPU per event, 16 producers x 1", "us", "bare groups", kMeasured, kAtMost, kNoBound,
             kNoBound},
    GoalLine{"CPU per event, 8 producers x 100", "us", "-", kNothing, kAtMost, 0.5, 0.2}};

constexpr std::array kAmplification{
    GoalLine{"log bytes, 8 producers x 200", "MB", "payload", kMeasured, kAtMost, 1.10, 1.05},
    GoalLine{"log bytes, 16 producers x 1", "MB", "payload", kMeasured, kAtMost, 2.0, 1.4}};

constexpr std::array kReplay{
    GoalLine{"replay of the tail after a kill", "MB/s", "R", kMeasured, kAtLeast, 0.60, 0.85}};

constexpr std::array kOpenTime{
    GoalLine{"open after a kill", "ms", "300 ms + tail/0.6R", kMeasured, kAtMost, 1, kNoBound},
    GoalLine{"open after a kill", "ms", "100 ms + 16 MiB/0.6R", kMeasured, kAtMost, kNoBound, 1},
    GoalLine{"tail that was scanned", "MiB", "-", kNothing, kAtMost, 64, 16}};

constexpr std::array kBacklogMemory{
    GoalLine{"memory while the backlog grows", "B/event", "-", kNothing, kAtMost, 0.5, 0.2},
    GoalLine{"memory after a start with it", "B/event", "-", kNothing, kAtMost, 0.5, 0.2}};

constexpr std::array kColdDrain{
    GoalLine{"event bytes taken, 1 consumer x 1000", "MB/s", "R", kMeasured, kAtLeast, 0.5, 0.8}};

constexpr std::array kCachedReads{
    GoalLine{"device reads, backlog in the cache", "B/event", "-", kNothing, kAtMost, 0, kNoBound},
    GoalLine{"the same, taken again after a rollback", "B/event", "-", kNothing, kAtMost, kNoBound,
             0}};

constexpr std::array kConsumerEffect{
    GoalLine{"puts beside a consumer, 16 x 1", "/s", "no consumer", kMeasured, kAtLeast, 0.75, 0.9},
    GoalLine{"puts beside a consumer, 8 x 100", "/s", "no consumer", kMeasured, kAtLeast, 0.75,
             0.9},
    GoalLine{"did it keep up? events taken, 8 x 100", "/s", "events put", kMeasured, kAtLeast, 0.95,
             kNoBound}};

constexpr std::array kSpillOrder{
    GoalLine{"times from memory to disk and back", "", "-", kNothing, kAtLeast, 143, kNoBound},
    GoalLine{"events lost", "", "-", kNothing, kAtMost, 0, 0},
    GoalLine{"events doubled", "", "-", kNothing, kAtMost, 0, 0},
    GoalLine{"events out of order", "", "-", kNothing, kAtMost, 0, 0}};

constexpr std::array kSpillCost{
    GoalLine{"puts while spilling, 8 x 100", "/s", "file channel", kMeasured, kAtLeast, 0.9, 1.0},
    GoalLine{"put p99 around the switch, 1 x 100", "us", "file channel", kMeasured, kAtMost, 3,
             1.5},
    GoalLine{"events through memory, 1 x 100", "/s", "memory channel", kMeasured, kAtLeast, 0.9,
             1.0}};

constexpr std::array kHandover{
    GoalLine{"handed over, 1 producer x 1", "M/s", "-", kNothing, kAtLeast, 5, 10},
    GoalLine{"handed over, 1 producer x 100", "M/s", "-", kNothing, kAtLeast, 10, 20}};

constexpr std::array kCheckpointPause{GoalLine{"longest commit during a checkpoint, beyond p50",
                                               "us", "p99.9 without", kMeasured, kAtMost, 2, 0.1}};

constexpr std::array kCheckpointBytes{
    GoalLine{"manifest bytes per event put and acked", "B/event", "-", kNothing, kAtMost, 1, 0.25}};

constexpr std::array kUring{
    GoalLine{"bare writes by io_uring, 4 KiB x 1", "/s", "1 thread", kMeasured, kAtLeast, 1,
             kNoBound},
    GoalLine{"bare writes by io_uring, 4 KiB x 4", "/s", "4 threads", kMeasured, kAtLeast, 1, 1.15},
    GoalLine{"bare writes by io_uring, 64 KiB x 4", "/s", "4 threads", kMeasured, kAtLeast, 1,
             1.15},
    GoalLine{"bare writes by io_uring, 1 MiB x 4", "/s", "4 threads", kMeasured, kAtLeast, 1, 1.15},
    GoalLine{"commits with io_uring, 16 x 1", "/s", "threads", kMeasured, kAtLeast, 1, 1.15},
    GoalLine{"commits with io_uring, 8 x 100", "/s", "threads", kMeasured, kAtLeast, 1, 1.15},
    GoalLine{"asynchronous with io_uring, 2 x 100", "/s", "threads", kMeasured, kAtLeast, 1, 1.15}};

constexpr std::array kSlowDevice{GoalLine{"loss of commits, 128 x 1, device 100 times slower", "x",
                                          "device's loss", kMeasured, kAtMost, 0.15, 0.1}};

constexpr std::array kReclaimPause{
    GoalLine{"longest commit beside deleted slots", "ms", "-", kNothing, kAtMost, 2, 1},
    GoalLine{"longest commit beside deleted slots", "ms", "no deletion", kMeasured, kAtMost, 2,
             1.25},
    GoalLine{"longest commit beside deleted slots", "ms", "unlink", kMeasured, kAtMost, 1, 0.5}};

constexpr std::array kGoals{
    Goal{"G1", "durable commits of a lone producer", kLoneRate, prepare_lone_commit_rate},
    Goal{"G2", "latency of a lone commit", kLoneLatency, prepare_lone_commit_latency},
    Goal{"G3", "group commit: more producers, more commits", kGroupCommit, prepare_group_commit},
    Goal{"G4", "latency in a group", kGroupLatency, prepare_group_latency},
    Goal{"G5", "durable throughput", kThroughput, prepare_throughput},
    Goal{"G6", "throughput of durability async", kAsync, prepare_async_throughput},
    Goal{"G7", "processor time per durable event", kCpu, prepare_cpu},
    Goal{"G8", "write amplification", kAmplification, prepare_amplification},
    Goal{"G9", "replay of the tail", kReplay, prepare_tail_replay},
    Goal{"G10", "open time with a backlog", kOpenTime, prepare_open_time},
    Goal{"G11", "memory per event on disk", kBacklogMemory, prepare_backlog_memory},
    Goal{"G12", "drain of a cold backlog", kColdDrain, prepare_cold_drain},
    Goal{"G13", "no reads while the backlog is in memory", kCachedReads, prepare_cached_reads},
    Goal{"G14", "what a consumer costs the producers", kConsumerEffect, prepare_consumer_effect},
    Goal{"G15", "order over many spills", kSpillOrder, prepare_spill_order},
    Goal{"G16", "what spilling costs", kSpillCost, prepare_spill_cost},
    Goal{"G17", "the way through memory", kHandover, prepare_handover},
    Goal{"G18", "pause by a checkpoint", kCheckpointPause, prepare_checkpoint_pause},
    Goal{"G19", "size of a checkpoint", kCheckpointBytes, prepare_checkpoint_bytes},
    Goal{"G21", "io_uring beside system calls", kUring, prepare_uring},
    Goal{"G22", "a device that turns slow", kSlowDevice, prepare_slow_device},
    Goal{"reclaim", "pause by giving space back", kReclaimPause, prepare_reclaim_pause},
};

}  // namespace

std::span<const Goal> all_goals() {
  return kGoals;
}

const Goal* find_goal(std::string_view id) {
  const auto is_letter_equal = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
  };
  const auto* const found = std::find_if(kGoals.begin(), kGoals.end(), [&](const Goal& goal) {
    return std::equal(goal.id.begin(), goal.id.end(), id.begin(), id.end(), is_letter_equal);
  });
  return found == kGoals.end() ? nullptr : found;
}

}  // namespace spillway::bench
