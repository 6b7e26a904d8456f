// `memory` channel: bounded, fast, and gone with the process.
//
// A restart, clean or not, loses every event it holds; docs/durability.md says when that is wise.
// Source: Flume's MemoryChannel. Different on purpose: rolled back events return to their place
// even when several consumers roll back in any order, and waiting producers are served first come
// first served.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "channel/capacity.h"
#include "channel/channel.h"
#include "channel/memory_queue.h"
#include "channel/memory_runs.h"
#include "wal/base/clock.h"

namespace spillway::channel {

struct MemoryChannelOptions {
  std::uint64_t capacity_events = 100;              // queued plus taken; at least 1
  std::uint64_t transaction_capacity_events = 100;  // in one put or take; at most the capacity
  std::chrono::milliseconds keep_alive{3000};       // how long a put waits for room
  std::uint64_t byte_capacity_slots = Capacity::kUnlimited;  // see memory_slots()
  std::uint64_t slot_bytes = kMemorySlotBytes;
};

/// Slots that remain of `byte_capacity` when `buffer_percent` (at most 100) of it is set aside for
/// headers and bookkeeping.
std::uint64_t memory_slots(std::uint64_t byte_capacity, std::uint64_t buffer_percent,
                           std::uint64_t slot_bytes = kMemorySlotBytes);

class MemoryChannel final : public Channel {
 public:
  explicit MemoryChannel(const MemoryChannelOptions& options);

  /// CHECKs that no transaction is open.
  ~MemoryChannel() override;

  /// kClosed after stop(): the channel does not come back, a new one takes its place.
  Result<void> start() override;

  /// Drops the events it still holds.
  void stop() override;

  /// kTooLarge also when the bodies would not fit into the empty channel.
  Result<void> put(const EventBatch& batch) override;
  Result<std::unique_ptr<TakeTransaction>> take(std::size_t events_max,
                                                std::chrono::milliseconds wait) override;
  void interrupt_takes() override { queue_.interrupt(); }

  [[nodiscard]] std::uint64_t size_events() const override { return capacity_.used_events(); }
  [[nodiscard]] std::uint64_t capacity_events() const override { return options_.capacity_events; }
  [[nodiscard]] std::uint64_t transaction_capacity() const override {
    return options_.transaction_capacity_events;
  }
  [[nodiscard]] const ChannelCounters& counters() const override { return counters_; }
  void collect(MetricSink& sink) const override;

 private:
  class Transaction;
  enum class State : std::uint8_t { kNew, kRunning, kStopped };

  const MemoryChannelOptions options_;

  Capacity capacity_;
  mutable MemoryQueue queue_;
  const SystemClock clock_;
  std::uint64_t started_ns_ = 0;
  ChannelCounters counters_;
  std::atomic<State> state_{State::kNew};
  std::atomic<std::uint64_t> open_transactions_{0};
  std::atomic<std::uint64_t> taken_events_{0};  // of those transactions
};

}  // namespace spillway::channel
