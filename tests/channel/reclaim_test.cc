// An event that hangs in a sink costs its own segment: what lies behind it is reclaimed when it is
// acknowledged, and nothing of that is lost or comes again, whatever is left of the manifest.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/file_channel.h"
#include "checkpoint/manifest_store.h"
#include "tests/channel/channel_on_sim_disk.h"
#include "tests/support/disk_errors.h"
#include "tests/support/eventually.h"
#include "tests/support/sim_disk.h"
#include "tests/support/survivors.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::SimDisk;
using testing::HasSubstr;

constexpr std::size_t kManifests = checkpoint::kManifestSlotCount;

class ReclaimTest : public ChannelOnSimDisk {
 protected:
  ReclaimTest() {
    options.log.spare_slots_min = 1;
    options.log.spare_slots_max = 2;
    options.log.background = wal::Background::kNone;
  }
  ~ReclaimTest() override { ReclaimTest::stop(); }

  void stop() override {
    if (channel != nullptr) channel->stop();
    hanging.reset();
    ChannelOnSimDisk::stop();
  }
  void put_segments(std::size_t count) {
    const double goal = gauge("segments") + static_cast<double>(count);
    while (gauge("segments") < goal) {
      const auto done = put_next();
      ASSERT_TRUE(done.has_value()) << to_string(done.error());
    }
  }
  /// The numbers of all that is there.
  std::vector<std::size_t> drain() {
    std::vector<std::size_t> numbers;
    for (const std::string& body : test::drain(*channel)) numbers.push_back(std::stoul(body));
    return numbers;
  }
  /// Event 0 hangs, and segments behind it are filled, drained and reclaimed.
  void reclaim_behind_a_hanging_event() {
    ASSERT_TRUE(put_next().has_value());
    hanging = std::move(channel->take(1, milliseconds(0)).value());
    put_segments(6);
    drain();
    ASSERT_TRUE(channel->checkpoint().has_value());
    ASSERT_EQ(gauge("segments"), 2) << "its own and the last";
  }

  [[nodiscard]] bool has_finding(checkpoint::Finding::Kind kind) const {
    const auto& findings = channel->recovered().findings;
    return std::any_of(findings.begin(), findings.end(),
                       [kind](const auto& finding) { return finding.kind == kind; });
  }

  std::unique_ptr<TakeTransaction> hanging;
};

TEST_F(ReclaimTest, EventThatHangsCostsItsOwnSegment) {
  options.checkpoint_bytes = kSlotBytes;
  for (const auto background : {wal::Background::kNone, wal::Background::kThreads}) {
    disk = std::make_unique<SimDisk>();
    put_count = 0;
    options.log.background = background;
    open();
    ASSERT_TRUE(put_next().has_value());
    hanging = std::move(channel->take(1, milliseconds(0)).value());
    std::vector<std::size_t> drained;
    for (int i = 0; i < 2500; ++i) {  // 40 segments
      ASSERT_TRUE(put_next().has_value());
      for (const std::size_t number : drain()) drained.push_back(number);
    }
    EXPECT_TRUE(test::eventually([&] { return gauge("slot_files") <= 6; })) << gauge("slot_files");
    // How many are made on the way is up to how soon the checkpointer gets on.
    if (background == wal::Background::kNone) {
      EXPECT_LE(counter("slots_created_total"), 6U);
    }
    for (std::size_t i = 0; i < drained.size(); ++i) ASSERT_EQ(drained[i], i + 1);
    hanging->rollback();
    EXPECT_EQ(drain(), std::vector<std::size_t>{0});
    ASSERT_TRUE(channel->checkpoint().has_value());
    EXPECT_EQ(gauge("segments"), 1);
    stop();
  }
}

// All of the manifests may be lost, the newest, or none.
TEST_F(ReclaimTest, AfterACrashTheHangingEventComesAgainAndNothingElse) {
  for (std::size_t damaged = 0; damaged <= kManifests; ++damaged) {
    SCOPED_TRACE(damaged);
    disk = std::make_unique<SimDisk>();
    put_count = 0;
    open();
    reclaim_behind_a_hanging_event();
    std::vector<std::size_t> expected{0};
    for (std::size_t i = put_count; i < put_count + 150; ++i) expected.push_back(i);
    for (int i = 0; i < 150; ++i) ASSERT_TRUE(put_next().has_value());  // into slots used before
    crash_and_open(damaged);
    EXPECT_EQ(has_finding(checkpoint::Finding::Kind::kManifestLost), damaged == kManifests);
    EXPECT_FALSE(has_finding(checkpoint::Finding::Kind::kLost));
    EXPECT_EQ(channel->size_events(), expected.size());
    EXPECT_EQ(drain(), expected);
    EXPECT_EQ(counter("lost_events_total"), 0U);
    for (int i = 0; i < 100; ++i) ASSERT_TRUE(put_next().has_value());
    crash_and_open();
    EXPECT_EQ(drain().size(), 100U);
    EXPECT_EQ(counter("lost_events_total"), 0U);
  }
}

// Slots are free when both manifests say so: the first one after a start overwrites only one.
TEST_F(ReclaimTest, OlderManifestNeverListsSlotsThatAreUsedAgain) {
  open();
  ASSERT_TRUE(put_next().has_value());
  hanging = std::move(channel->take(1, milliseconds(0)).value());
  put_segments(6);
  drain();
  // The second of the two manifests of a reclaim does not reach the disk.
  int writes = 0;
  disk->fail_when(
      [&writes](const test::SimCall& call) {
        const bool is_manifest =
            call.kind == test::SimCallKind::kWrite && call.path == kManifestPath;
        return is_manifest && ++writes == 2;
      },
      test::kBroken);
  EXPECT_FALSE(channel->checkpoint().has_value());
  disk->clear_faults();
  EXPECT_GT(gauge("segments"), 6) << "not free yet";
  crash_and_open();
  std::vector<std::size_t> expected{0};
  for (std::size_t i = put_count; i < put_count + 250; ++i) expected.push_back(i);
  for (int i = 0; i < 250; ++i) ASSERT_TRUE(put_next().has_value());
  crash_and_open(/*damaged=*/1);
  EXPECT_FALSE(has_finding(checkpoint::Finding::Kind::kLost));
  EXPECT_EQ(drain(), expected);
  EXPECT_EQ(counter("lost_events_total"), 0U);
}

// A manifest that lists no segment for entries nobody has acknowledged: a bug of ours, or a hand.
TEST_F(ReclaimTest, GapThatIsNotAcknowledgedIsReportedAsLoss) {
  open();
  put_segments(4);
  stop();
  std::uint64_t missing = 0;
  {
    const auto directory = disk->open_directory("/c1/checkpoint", io::FileSystem::Missing::kFail);
    checkpoint::ManifestStore store(*directory.value());
    const auto loaded = store.load(checkpoint::ManifestStore::Access::kReadWrite);
    ASSERT_TRUE(loaded.has_value());
    checkpoint::Manifest manifest = *loaded.value().newest();
    ASSERT_GT(manifest.segments.size(), 3U);
    missing = manifest.segments[1].end_sequence - manifest.segments[1].first_sequence;
    manifest.segments.erase(manifest.segments.begin() + 1);
    ASSERT_TRUE(store.store(manifest).has_value());
    ASSERT_TRUE(store.store(manifest).has_value());
  }
  open();
  EXPECT_EQ(drain().size(), put_count - missing);
  EXPECT_EQ(counter("lost_events_total"), missing);
  EXPECT_EQ(channel->size_events(), 0U);
}

TEST_F(ReclaimTest, MaxBytesCountsWhatIsThere) {
  options.bytes_max = 4 * kSlotBytes;
  open();
  ASSERT_TRUE(put_next().has_value());
  hanging = std::move(channel->take(1, milliseconds(0)).value());
  for (int segment = 0; segment < 20; ++segment) {
    for (int i = 0; i < 60; ++i) {
      const auto done = put_next();
      ASSERT_TRUE(done.has_value()) << to_string(done.error());
    }
    drain();
  }
  // Each drained before its segment is finished: nobody acknowledges anything while a put waits.
  for (int i = 0; i < 1000; ++i) {
    const auto done = put_next();
    ASSERT_TRUE(done.has_value()) << to_string(done.error());
    ASSERT_EQ(drain().size(), 1U);
  }
  EXPECT_LE(gauge("log_bytes"), static_cast<double>(4 * kSlotBytes));
}

// ---- the manifest is full

TEST_F(ReclaimTest, FullManifestRefusesPutsAndNeverACheckpoint) {
  options.manifest_bytes_max = 16 * kKiB;
  options.log.slot_bytes = 72 * kKiB;
  open();
  for (int start = 0; start < 3; ++start) {
    Result<void> done;
    for (int i = 0; i < 20'000 && done.has_value(); ++i) done = put_next();
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code, Errc::kFull);
    EXPECT_THAT(to_string(done.error()), HasSubstr("manifest"));
    EXPECT_GT(gauge("segments"), 100) << "there was room for so many";
    EXPECT_TRUE(channel->checkpoint().has_value());
    EXPECT_EQ(counter("checkpoint_errors_total"), 0U);
    crash_and_open();
    EXPECT_EQ(channel->size_events(), put_count);
  }

  hanging = std::move(channel->take(1, milliseconds(0)).value());
  EXPECT_EQ(drain().size(), put_count - 1);
  const auto again = put_next();
  EXPECT_TRUE(again.has_value()) << to_string(again.error());
  EXPECT_LE(gauge("segments"), 3);
}

TEST_F(ReclaimTest, PutMakesTheRoomThatNoCheckpointHasMadeYet) {
  options.manifest_bytes_max = 16 * kKiB;
  options.log.slot_bytes = 72 * kKiB;
  open();
  while (put_next().has_value()) {
  }
  drain();
  ASSERT_GT(gauge("segments"), 100);
  const auto done = put_next();
  EXPECT_TRUE(done.has_value()) << to_string(done.error());
  EXPECT_LE(gauge("segments"), 3);
}

TEST_F(ReclaimTest, CheckpointThatFailsInTheBackgroundIsMadeUpForAtTheNextInterval) {
  options.log.background = wal::Background::kThreads;
  options.checkpoint_interval = milliseconds(5);
  open();
  ASSERT_TRUE(put_next().has_value());
  disk->fail_when(
      [](const test::SimCall& call) {
        return call.kind == test::SimCallKind::kWrite && call.path.ends_with("manifest");
      },
      test::kBroken);
  EXPECT_TRUE(test::eventually([&] { return counter("checkpoint_errors_total") > 1; }));
  disk->clear_faults();
  const std::uint64_t before = counter("checkpoints_total");
  EXPECT_TRUE(test::eventually([&] { return counter("checkpoints_total") > before; }));
}

// ---- when a segment is finished

TEST_F(ReclaimTest, StartScansOneSegmentAtMost) {
  options.checkpoint_bytes = kSlotBytes;
  options.log.read_bytes = 4 * kKiB;
  open();
  for (int crash = 0; crash < 40; ++crash) {
    for (int i = 0; i < 37; ++i) ASSERT_TRUE(put_next().has_value());
    crash_and_open();
    EXPECT_LE(channel->recovered().scanned_bytes, kSlotBytes - wal::kSegmentDataOffset);
    EXPECT_GT(channel->recovered().scanned_bytes, 0U);
  }
}

}  // namespace
}  // namespace spillway::channel
