// A goal: a quantity of the engine, what it is compared with, and the ratio it must reach.
//
// The table (goal_table.cc) is data; how a quantity is measured is in goals_*.cc, one file per
// family; goal_result.cc judges. docs/benchmarks.md explains every goal.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/bench_channel.h"
#include "bench/device_control.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

inline constexpr double kNoBound = std::numeric_limits<double>::quiet_NaN();

enum class Against : std::uint8_t {
  kMeasured,  // the sampler measured a control of its own
  kB1Rate,    // mean of the controls before and after the sample
  kB1P50,     // likewise; µs
  kB1P99,
  kB1P999,
  kNothing,  // the value is judged as it is
};

enum class Sense : std::uint8_t { kAtLeast, kAtMost };

/// One quantity of a goal and one row of the report.
struct GoalLine {
  std::string_view what;
  std::string_view unit;     // of the value and of its control
  std::string_view control;  // its name
  Against against = Against::kMeasured;
  Sense sense = Sense::kAtLeast;
  double must = kNoBound;  // bounds of the ratio
  double stretch = kNoBound;
};

struct GoalOptions {
  std::uint64_t samples = 7;
  std::uint64_t time_max_ns = 25'000'000'000;  // for the samples of one goal
  std::uint64_t load_ns = 400'000'000;         // of one load; a sample has one or several
  std::uint64_t event_bytes = 500;
  wal::WritePath write_path = wal::WritePath::kThreads;  // of G1 to G8
  // Of the goals about large backlogs, with small bodies so that they fit on a disk.
  std::uint64_t backlog_events = 5'000'000;
  std::uint64_t backlog_event_bytes = 16;
};

/// Where a goal is measured.
struct GoalSite {
  std::string directory;  // for channels; empty before and after every goal
  io::FileSystem& file_system;
  const Clock& clock;
  DeviceControl& device;
  GoalOptions options;
};

struct Reading {
  double value = 0;
  double control = 1;  // used by lines with Against::kMeasured
};

/// Takes one sample: a reading per line of the goal. Owns what lives from sample to sample.
using Sampler = std::function<Result<std::vector<Reading>>()>;

/// Sets up what all samples share.
using Prepare = Result<Sampler> (*)(const GoalSite& site);

struct Goal {
  std::string_view id;
  std::string_view title;
  std::span<const GoalLine> lines;
  Prepare prepare = nullptr;      // nullptr: not measured here
  std::string_view why_not = "";  // … for this reason
};

/// Sorted by number; those with a name behind them.
std::span<const Goal> all_goals();

/// "G1" or "g1"; "reclaim" or "Reclaim"; nullptr when there is no such goal.
const Goal* find_goal(std::string_view id);

// Commits: goals_commit.cc.
Result<Sampler> prepare_lone_commit_rate(const GoalSite& site);
Result<Sampler> prepare_lone_commit_latency(const GoalSite& site);
Result<Sampler> prepare_group_commit(const GoalSite& site);
Result<Sampler> prepare_group_latency(const GoalSite& site);
Result<Sampler> prepare_throughput(const GoalSite& site);
Result<Sampler> prepare_async_throughput(const GoalSite& site);
Result<Sampler> prepare_cpu(const GoalSite& site);
Result<Sampler> prepare_amplification(const GoalSite& site);

// Consumers: goals_read.cc.
Result<Sampler> prepare_cold_drain(const GoalSite& site);
Result<Sampler> prepare_cached_reads(const GoalSite& site);
Result<Sampler> prepare_consumer_effect(const GoalSite& site);

// Starts after a kill: goals_open.cc.
Result<Sampler> prepare_tail_replay(const GoalSite& site);
Result<Sampler> prepare_open_time(const GoalSite& site);
Result<Sampler> prepare_backlog_memory(const GoalSite& site);

// The dual channel, and the way through memory: goals_spill.cc.
Result<Sampler> prepare_spill_order(const GoalSite& site);
Result<Sampler> prepare_spill_cost(const GoalSite& site);
Result<Sampler> prepare_handover(const GoalSite& site);

// Checkpoints: goals_checkpoint.cc.
Result<Sampler> prepare_checkpoint_pause(const GoalSite& site);
Result<Sampler> prepare_checkpoint_bytes(const GoalSite& site);

// Space given back: goals_reclaim.cc.
Result<Sampler> prepare_reclaim_pause(const GoalSite& site);

// The way to the device: goals_device.cc.
Result<Sampler> prepare_uring(const GoalSite& site);
Result<Sampler> prepare_slow_device(const GoalSite& site);

}  // namespace spillway::bench
