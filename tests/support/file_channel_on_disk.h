// A file channel on a simulated disk that can be stopped, crashed, damaged and opened again.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/sim_disk.h"
#include "tests/support/survivors.h"
#include "wal/base/clock.h"

namespace spillway::test {

/// Not thread-safe; the channel inside is.
class FileChannelOnDisk {
 public:
  static constexpr const char* kManifestPath = "/c1/checkpoint/manifest";
  static constexpr const char* kDataPath = "/c1/data/";
  static constexpr std::uint64_t kSegmentBytes = 256 * kKiB;

  ~FileChannelOnDisk() { stop(); }

  ChannelLimits limits{.capacity_events = 1000, .transaction_capacity_events = 100};

  [[nodiscard]] SimDisk& disk() { return *disk_; }
  [[nodiscard]] channel::FileChannel& channel() { return *channel_; }

  /// A second channel on the same directories, not started.
  [[nodiscard]] std::unique_ptr<channel::FileChannel> create() {
    auto options = small_file_channel("/c1", limits);
    options.log.slot_bytes = kSegmentBytes;
    options.checkpoint_interval = std::chrono::hours(1);  // tests that want one ask for it
    return std::make_unique<channel::FileChannel>(std::move(options), *disk_, clock_);
  }

  void open() {
    channel_ = create();
    const auto started = channel_->start();
    EXPECT_TRUE(started.has_value()) << to_string(started.error());
  }

  void stop() {
    if (channel_ == nullptr) return;
    channel_->stop();
    channel_.reset();
  }

  void reopen() {
    stop();
    open();
  }

  /// Power loss; of what was not durable nothing survives. No transaction may be open.
  void crash_and_open() {
    disk_->crash_now();
    const Survivors none{.name = "none",
                         .fates = std::vector(disk_->pending().size(), Fate::kLost)};
    auto after = disk_->crash_image(none);
    stop();
    disk_ = std::move(after);
    open();
  }

  bool put(const EventBodies& bodies) { return channel_->put(batch_of(bodies)).has_value(); }

  /// `count` transactions of one event each: "<prefix>0", "<prefix>1" ….
  void put_one_by_one(std::string_view prefix, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      const auto result = channel_->put(batch_of({std::string(prefix) + std::to_string(i)}));
      ASSERT_TRUE(result.has_value()) << to_string(result.error());
    }
  }

  [[nodiscard]] std::unique_ptr<channel::TakeTransaction> take(std::size_t events_max) {
    return std::move(channel_->take(events_max, std::chrono::milliseconds(0)).value());
  }
  [[nodiscard]] EventBodies take_and_commit(std::size_t events_max) {
    return test::take_and_commit(*channel_, events_max);
  }
  [[nodiscard]] EventBodies drain() { return test::drain(*channel_); }
  void checkpoint() { ASSERT_TRUE(channel_->checkpoint().has_value()); }

  [[nodiscard]] std::uint64_t counter(const std::string& name) const {
    return RecordedMetrics(*channel_).counters.at(name);
  }
  [[nodiscard]] double gauge(const std::string& name) const {
    return RecordedMetrics(*channel_).gauges.at(name);
  }

  [[nodiscard]] std::vector<std::string> slot_paths() const {
    std::vector<std::string> paths;
    for (const std::string& path : disk_->paths()) {
      if (path.starts_with(kDataPath) && path.ends_with(".seg")) paths.push_back(path);
    }
    return paths;
  }

  /// Changes one byte in the first stored copy of `text`.
  void damage(std::string_view text) {
    for (const std::string& path : slot_paths()) {
      const auto bytes = disk_->contents(path);
      const std::string_view all = as_text(bytes);
      const std::size_t at = all.find(text);
      if (at == std::string_view::npos) continue;
      disk_->corrupt(path, at, 1, [](MutableByteSpan byte) { byte[0] ^= std::byte{0x20}; });
      return;
    }
    FAIL() << "no file holds " << text;
  }

 private:
  SystemClock clock_;
  std::unique_ptr<SimDisk> disk_ = std::make_unique<SimDisk>();
  std::unique_ptr<channel::FileChannel> channel_;
};

}  // namespace spillway::test
