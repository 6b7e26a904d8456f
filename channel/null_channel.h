// `null` channel: events are accepted, counted and gone. For what a selector is to throw away, and
// to measure sources.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "channel/channel.h"
#include "channel/doorbell.h"

namespace spillway::channel {

/// Keeps the contract of a channel whose sinks are infinitely fast: it is never full and always
/// empty.
class NullChannel final : public Channel {
 public:
  static constexpr std::uint64_t kUnlimited = UINT64_MAX;

  NullChannel() = default;
  ~NullChannel() override { stop(); }

  Result<void> start() override;
  void stop() override;
  Result<void> put(const EventBatch& batch) override;
  Result<std::unique_ptr<TakeTransaction>> take(std::size_t events_max,
                                                std::chrono::milliseconds wait) override;
  void interrupt_takes() override;

  [[nodiscard]] std::uint64_t size_events() const override { return 0; }
  [[nodiscard]] std::uint64_t capacity_events() const override { return kUnlimited; }
  [[nodiscard]] std::uint64_t transaction_capacity() const override { return kUnlimited; }
  [[nodiscard]] const ChannelCounters& counters() const override { return counters_; }
  void collect(MetricSink& sink) const override;

 private:
  ChannelCounters counters_;
  Counter dropped_bytes_;
  std::atomic<bool> is_running_{false};
  std::atomic<std::uint64_t> interrupts_{0};  // calls of interrupt_takes()
  Doorbell<> interrupted_;
};

}  // namespace spillway::channel
