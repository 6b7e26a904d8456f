// Answers two questions: may new work enter, and is the old work gone?
// Source: the idea of Seastar's gate, for threads.
#pragma once

#include <atomic>
#include <cstdint>

#include "wal/base/check.h"
#include "wal/base/futex.h"

namespace spillway {

/// Thread-safe. Starts closed; open() and close() alternate.
class Gate {
 public:
  Gate() = default;
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;

  void open() { state_.store(0, std::memory_order_release); }

  /// False when closed; otherwise leave() must follow.
  bool enter() {
    std::uint32_t state = state_.load(std::memory_order_relaxed);
    while ((state & kClosed) == 0) {
      // acquire pairs with the release in open(): what was opened is visible inside.
      if (state_.compare_exchange_weak(state, state + 1, std::memory_order_acquire,
                                       std::memory_order_relaxed)) {
        return true;
      }
    }
    return false;
  }

  void leave() {
    // release pairs with the acquire in close(): what was done inside is visible behind it.
    const std::uint32_t before = state_.fetch_sub(1, std::memory_order_release);
    CHECK((before & ~kClosed) > 0);
    if (before == (kClosed | 1U)) futex_wake_all(state_);
  }

  /// Lets nobody in any more; those inside may see is_closed(). Idempotent.
  void shut() { state_.fetch_or(kClosed, std::memory_order_relaxed); }

  /// shut(), then waits until everybody has left. Idempotent.
  void close() {
    std::uint32_t state = state_.fetch_or(kClosed, std::memory_order_acquire) | kClosed;
    while (state != kClosed) {
      futex_wait(state_, state);
      state = state_.load(std::memory_order_acquire);
    }
  }

  [[nodiscard]] bool is_closed() const {
    return (state_.load(std::memory_order_relaxed) & kClosed) != 0;
  }

 private:
  static constexpr std::uint32_t kClosed = std::uint32_t{1} << 31U;

  std::atomic<std::uint32_t> state_{kClosed};  // futex word: kClosed bit and visitors
};

/// Enters on construction, leaves on destruction.
class GatePass {
 public:
  explicit GatePass(Gate& gate) : gate_(gate.enter() ? &gate : nullptr) {}
  GatePass(const GatePass&) = delete;
  GatePass& operator=(const GatePass&) = delete;
  ~GatePass() {
    if (gate_ != nullptr) gate_->leave();
  }

  [[nodiscard]] bool is_admitted() const { return gate_ != nullptr; }

 private:
  Gate* gate_;
};

}  // namespace spillway
