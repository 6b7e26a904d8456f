// Runs a workload once per storage call, with that call crashing or failing (engine tests A3, A4).
//
// A workload gets a fresh SimDisk and returns what it was promised: whatever the check needs to
// judge the disk afterwards. It must stop by itself once calls fail.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/sim_disk.h"

namespace spillway::test {

// A sanitizer costs a factor of five: it sees a sample of the calls.
#ifdef SPILLWAY_SWEEP_STRIDE
constexpr std::uint64_t kCallStep = SPILLWAY_SWEEP_STRIDE;
#else
constexpr std::uint64_t kCallStep = 1;
#endif

struct SweepOptions {
  SimOptions disk = {};
  std::uint64_t call_first = 1;         // skip what happens before
  std::uint64_t call_step = kCallStep;  // above 1: a sample, for long workloads
  std::size_t random_survivors = 16;
};

inline std::string last_call(const SimDisk& disk) {
  const auto calls = disk.calls();
  return calls.empty() ? "no call" : to_string(calls.back());
}

/// `promised = workload(SimDisk&)`, then `check(SimDisk& image, promised)` for every call, crash
/// phase and choice of survivors. Returns how many images were checked; stops at the first that
/// fails.
template <class Workload, class Check>
std::uint64_t sweep_crashes(const SweepOptions& options, Workload workload, Check check) {
  constexpr std::array kPhases{CrashPhase::kBefore, CrashPhase::kAfterSubmit,
                               CrashPhase::kAfterCompletion};
  std::uint64_t image_count = 0;
  for (std::uint64_t number = options.call_first;; number += options.call_step) {
    for (const CrashPhase phase : kPhases) {
      SimDisk disk(options.disk);
      disk.crash_at(number, phase);
      const auto promised = workload(disk);
      if (!disk.is_crashed()) return image_count;  // the workload has no more calls
      const std::string call = last_call(disk);
      const auto choices =
          survivor_choices(disk.pending().size(), options.disk.seed, options.random_survivors);
      for (const Survivors& choice : choices) {
        SCOPED_TRACE("crash phase " + std::to_string(static_cast<int>(phase)) + " of " + call +
                     "; survivors: " + choice.name);
        const auto image = disk.crash_image(choice);
        check(*image, promised);
        ++image_count;
        if (testing::Test::HasFailure()) return image_count;
      }
      if (!changes_disk(disk.calls().back().kind)) break;  // the other phases are the same
    }
  }
}

/// Like sweep_crashes(), but the call fails with each of `errors`, once and from then on, and the
/// process ends in an orderly way: `check(SimDisk&, promised)` sees the same disk, healed.
template <class Workload, class Check>
std::uint64_t sweep_errors(const SweepOptions& options, const std::vector<Error>& errors,
                           Workload workload, Check check) {
  std::uint64_t run_count = 0;
  for (std::uint64_t number = options.call_first;; number += options.call_step) {
    for (const Error& error : errors) {
      for (const auto repeat : {SimDisk::Repeat::kOnce, SimDisk::Repeat::kAlways}) {
        SimDisk disk(options.disk);
        disk.fail_call(number, error, repeat);
        const auto promised = workload(disk);
        const auto calls = disk.calls();
        if (calls.size() < number) return run_count;
        SCOPED_TRACE(to_string(calls[number - 1]) + " failed with " + to_string(error) +
                     (repeat == SimDisk::Repeat::kOnce ? ", once" : ", and all after it"));
        disk.clear_faults();
        check(disk, promised);
        ++run_count;
        if (testing::Test::HasFailure()) return run_count;
      }
    }
  }
}

}  // namespace spillway::test
