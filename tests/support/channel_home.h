// Where a channel under test lives: nowhere for the memory channel, on a disk for a durable one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "channel/capacity.h"
#include "channel/channel.h"
#include "channel/memory_channel.h"

namespace spillway::test {

/// What every channel type can be limited to.
struct ChannelLimits {
  std::uint64_t capacity_events = 100;
  std::uint64_t transaction_capacity_events = 50;
  std::chrono::milliseconds keep_alive{0};
};

class ChannelHome {
 public:
  ChannelHome() = default;
  ChannelHome(const ChannelHome&) = delete;
  ChannelHome& operator=(const ChannelHome&) = delete;
  virtual ~ChannelHome() = default;

  /// A channel that is not started yet. A second one, after the first is gone, reopens it.
  virtual std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) = 0;

  /// Do events survive stop() and a new create()?
  [[nodiscard]] virtual bool is_durable() const = 0;

  /// Room for bodies in slots of channel::kMemorySlotBytes.
  [[nodiscard]] virtual std::uint64_t byte_slots_max() const {
    return channel::Capacity::kUnlimited;
  }
};

class MemoryChannelHome final : public ChannelHome {
 public:
  explicit MemoryChannelHome(std::uint64_t byte_slots_max = channel::Capacity::kUnlimited)
      : byte_slots_max_(byte_slots_max) {}

  std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) override {
    return std::make_unique<channel::MemoryChannel>(channel::MemoryChannelOptions{
        .capacity_events = limits.capacity_events,
        .transaction_capacity_events = limits.transaction_capacity_events,
        .keep_alive = limits.keep_alive,
        .byte_capacity_slots = byte_slots_max_});
  }
  [[nodiscard]] bool is_durable() const override { return false; }
  [[nodiscard]] std::uint64_t byte_slots_max() const override { return byte_slots_max_; }

 private:
  const std::uint64_t byte_slots_max_;
};

}  // namespace spillway::test
