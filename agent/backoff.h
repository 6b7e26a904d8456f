// How long to pause after a failure, and between two looks at an idle source.
//
// Pure state: nothing here waits or reads a clock (StopSignal waits). One thread each.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "wal/base/random.h"

namespace spillway::agent {

struct BackoffOptions {
  std::chrono::milliseconds initial{100};
  std::chrono::milliseconds max{5000};  // at least `initial`
};

/// Exponential back-off. The nominal pause doubles with each failure up to the maximum; the pause
/// is drawn from its upper half, so that agents which lost the same peer do not return in step.
class Backoff {
 public:
  Backoff(const BackoffOptions& options, std::uint64_t seed) : options_(options), random_(seed) {
    CHECK(options_.initial.count() > 0);
    CHECK(options_.initial <= options_.max);
  }

  std::chrono::milliseconds next() {
    const auto nominal_ms = static_cast<std::uint64_t>(nominal_.count());
    nominal_ = std::min(nominal_ * 2, options_.max);
    return std::chrono::milliseconds(random_.between((nominal_ms + 1) / 2, nominal_ms));
  }

  void reset() { nominal_ = options_.initial; }

 private:
  const BackoffOptions options_;
  Random random_;
  std::chrono::milliseconds nominal_ = options_.initial;  // of the next pause
};

struct IdleDelayOptions {
  std::chrono::milliseconds first{10};
  std::chrono::milliseconds increment{1000};  // Flume's backoffSleepIncrement
  std::chrono::milliseconds max{5000};        // Flume's maxBackoffSleep
};

/// Flume's schedule for an idle polled source (increment, 2 * increment, … max), preceded by short
/// pauses that double from `first`: a source that was busy a moment ago is asked again soon.
/// docs/decisions/0101-idle-sources-are-polled-soon.md.
class IdleDelay {
 public:
  explicit IdleDelay(const IdleDelayOptions& options) : options_(options) { reset(); }

  std::chrono::milliseconds next() {
    const auto pause = std::min(next_, options_.max);
    const auto after = pause < options_.increment ? std::min(pause * 2, options_.increment)
                                                  : pause + options_.increment;
    next_ = std::min(after, options_.max);
    return pause;
  }

  void reset() { next_ = options_.first; }

 private:
  const IdleDelayOptions options_;
  std::chrono::milliseconds next_{0};
};

}  // namespace spillway::agent
