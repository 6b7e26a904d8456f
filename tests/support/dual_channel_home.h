// Dual channels for the tests: on the simulated disk, with so little memory that they spill.
#pragma once

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "channel/channel.h"
#include "channel/dual_channel.h"
#include "tests/support/channel_home.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/sim_disk.h"
#include "wal/base/clock.h"

namespace spillway::test {

class DualChannelHome final : public ChannelHome {
 public:
  struct Setup {
    std::uint64_t memory_share = 3;  // the memory has room for one in so many events
    std::chrono::milliseconds resident_max{1000};
    bool is_spilling_forced = false;
  };

  explicit DualChannelHome(const Setup& setup) : setup_(setup) {}

  std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) override {
    channel::DualChannelOptions options;
    options.log = small_file_channel("/c1", limits);
    options.log.log.nonce_seed = ++creations_;
    options.memory_events =
        std::max<std::uint64_t>(limits.capacity_events / setup_.memory_share, 1);
    options.resident_max = setup_.resident_max;
    options.is_spilling_forced = setup_.is_spilling_forced;
    return std::make_unique<channel::DualChannel>(std::move(options), disk_, clock_);
  }
  [[nodiscard]] bool is_durable() const override { return true; }

 private:
  const Setup setup_;
  SystemClock clock_;
  SimDisk disk_;
  std::uint64_t creations_ = 0;
};

}  // namespace spillway::test
