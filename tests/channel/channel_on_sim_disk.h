// Fixture of tests that fill a file channel on a simulated disk with numbered events, and open it
// again after a stop or a power loss.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "channel/file_channel.h"
#include "checkpoint/manifest.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/sim_disk.h"
#include "wal/base/bytes.h"

namespace spillway::channel {

class ChannelOnSimDisk : public testing::Test {
 protected:
  static constexpr std::uint64_t kSlotBytes = 256 * kKiB;
  static constexpr const char* kManifestPath = "/c1/checkpoint/manifest";

  ChannelOnSimDisk() {
    options.log.slot_bytes = kSlotBytes;
    options.transaction_capacity = 1000;
  }
  ~ChannelOnSimDisk() override { ChannelOnSimDisk::stop(); }

  void open() {
    channel = std::make_unique<FileChannel>(options, *disk, clock);
    const auto started = channel->start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
  }
  virtual void stop() {
    if (channel != nullptr) channel->stop();
    channel = nullptr;
  }
  /// Power loss; only what was durable is left, and the first of `damaged` manifest slots, the
  /// newest first, is not.
  void crash_and_open(std::size_t damaged = 0) {
    disk->crash_now();
    auto after = disk->crash_image({.name = "none", .fates = {}});
    stop();
    disk = std::move(after);
    for (std::size_t i = 0; i < damaged; ++i) damage_newest_manifest();
    open();
  }
  void damage_newest_manifest() {
    const auto bytes = disk->contents(kManifestPath);
    std::size_t newest = 0;
    std::uint64_t generation = 0;
    for (std::size_t slot = 0; slot < checkpoint::kManifestSlotCount; ++slot) {
      const auto manifest = checkpoint::decode_manifest(ByteSpan(bytes).subspan(
          slot * checkpoint::kManifestSlotBytes, checkpoint::kManifestSlotBytes));
      if (!manifest || manifest->generation <= generation) continue;
      generation = manifest->generation;
      newest = slot;
    }
    ASSERT_GT(generation, 0U);
    disk->corrupt(kManifestPath, newest * checkpoint::kManifestSlotBytes + 70, 1,
                  [](MutableByteSpan byte) { byte[0] ^= std::byte{1}; });
  }

  /// One event with this number in front.
  Result<void> put(std::size_t number, std::size_t bytes = 3000) {
    std::string body = std::to_string(number) + " ";
    body.resize(std::max(body.size(), bytes), '.');
    return channel->put(test::batch_of({body}));
  }
  /// The event with the next number.
  Result<void> put_next() {
    TRY(put(put_count));
    ++put_count;
    return {};
  }
  [[nodiscard]] double gauge(const std::string& name) const {
    return test::RecordedMetrics(*channel).gauges.at(name);
  }
  [[nodiscard]] std::uint64_t counter(const std::string& name) const {
    return test::RecordedMetrics(*channel).counters.at(name);
  }

  FileChannelOptions options = test::small_file_channel("/c1", {.capacity_events = 100'000});
  test::FakeClock clock;
  std::unique_ptr<test::SimDisk> disk = std::make_unique<test::SimDisk>();
  std::unique_ptr<FileChannel> channel;
  std::size_t put_count = 0;
};

}  // namespace spillway::channel
