// Fixture of tests of the dual channel on a simulated disk.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/dual_channel.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/sim_disk.h"
#include "wal/base/clock.h"

namespace spillway::channel {

struct DualChannelTest : testing::Test {
  static constexpr std::chrono::milliseconds kNoWait{0};

  std::unique_ptr<test::SimDisk> disk = std::make_unique<test::SimDisk>();
  SystemClock clock;
  std::unique_ptr<DualChannel> channel;
  std::uint64_t openings = 0;

  // Memory for 10 events, 8 of which are too many.
  std::uint64_t memory_events = 10;
  std::function<void(DualChannelOptions&)> adapt = [](DualChannelOptions&) {};

  void open(std::chrono::milliseconds resident_max = std::chrono::hours(1),
            std::chrono::milliseconds keep_alive = std::chrono::milliseconds(0),
            std::uint64_t capacity_events = 1000) {
    DualChannelOptions options;
    options.log = test::small_file_channel("/c1", {.capacity_events = capacity_events,
                                                   .transaction_capacity_events = 100,
                                                   .keep_alive = keep_alive});
    options.log.log.nonce_seed = ++openings;
    options.memory_events = memory_events;
    options.resident_max = resident_max;
    adapt(options);
    channel = std::make_unique<DualChannel>(std::move(options), *disk, clock);
    const auto started = channel->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }
  void put(const std::vector<std::string>& bodies) {
    const auto done = channel->put(test::batch_of(bodies));
    ASSERT_TRUE(done.has_value()) << to_string(done.error());
  }
  // Of 5 KB each, one by one: more than one commit moves.
  std::vector<std::string> put_many(std::size_t count) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < count; ++i) {
      all.push_back(std::to_string(i) + std::string(5000, '.'));
      put({all.back()});
    }
    return all;
  }
  // The writes of blocks with events, not of slots being prepared.
  static bool is_block_of_events(const test::SimCall& call) {
    return call.kind == test::SimCallKind::kWrite && call.size_bytes < kMiB &&
           call.size_bytes > io::kBlockBytes && call.path.starts_with("/c1/data");
  }
  [[nodiscard]] double gauge(const char* name) const {
    return test::RecordedMetrics(*channel).gauges.at(name);
  }
  [[nodiscard]] bool becomes(const char* name, double value) const {
    return test::eventually([&] { return gauge(name) == value; });
  }
  // What a start after a crash of the machine finds.
  std::vector<std::string> after_crash() {
    disk->crash_now();
    auto after =
        disk->crash_image({.name = "nothing pending",
                           .fates = std::vector(disk->pending().size(), test::Fate::kLost)});
    channel->stop();
    disk = std::move(after);
    open();
    return test::drain(*channel);
  }
};

}  // namespace spillway::channel
