// A file channel and the end of its disk space: producers are refused before anything is written
// and told why, consumers always go on, what they drain is used again, and nothing needs a restart.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/file_channel.h"
#include "checkpoint/manifest.h"
#include "tests/channel/channel_on_sim_disk.h"
#include "tests/support/disk_errors.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/sim_disk.h"
#include "tests/support/survivors.h"
#include "wal/block.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using test::batch_of;
using test::EventBodies;
using test::eventually;
using test::SimCall;
using test::SimCallKind;
using test::SimDisk;
using testing::HasSubstr;

constexpr std::uint64_t kManifestBytes = 2 * kMiB;

class DiskSpaceTest : public ChannelOnSimDisk {
 protected:
  // Until one is refused; at least a segment's worth.
  Error fill() {
    for (int i = 0; i < 10'000; ++i) {
      const auto done = put_next();
      if (!done.has_value()) return done.error();
    }
    ADD_FAILURE() << "the channel is never full";
    return {};
  }
  // All that is there, which must be the numbers from `taken_count` on, without a gap.
  void drain() {
    for (const std::string& body : test::drain(*channel)) {
      EXPECT_EQ(std::stoul(body), taken_count);
      ++taken_count;
    }
  }
  bool put_again() { return put_next().has_value(); }

  std::size_t taken_count = 0;
};

// Its entries get their sequences again: they must not be taken for those in somebody's hands.
TEST_F(DiskSpaceTest, WhatIsPutBehindARefusedPutOfTakenEventsIsDelivered) {
  open();
  disk->fail_when(  // not a write of the thread that prepares the next slot
      [](const SimCall& call) {
        return call.kind == SimCallKind::kWrite && call.size_bytes == io::kBlockBytes;
      },
      {.code = Errc::kNoSpace, .what = "full"}, SimDisk::Repeat::kOnce);
  const auto refused = channel->put_taken(std::make_shared<EventBatch>(batch_of({"in hands"})));
  ASSERT_FALSE(refused.has_value());
  ASSERT_EQ(refused.error().code, Errc::kNoSpace);
  disk->clear_faults();
  ASSERT_TRUE(channel->put(batch_of({"a", "b"})).has_value());
  EXPECT_EQ(test::drain(*channel), (std::vector<std::string>{"a", "b"}));
}

// They are delivered by who has them, whatever has become of the block.
TEST_F(DiskSpaceTest, DamageInABlockOfTakenEventsDoesNotAcknowledgeThem) {
  options.log.cache_bytes_max = 0;
  options.log.idle_flush_ms = 3'600'000;  // no block but those of the puts
  open();
  auto held = channel->put_taken(std::make_shared<EventBatch>(batch_of({"in hands", "too"})));
  ASSERT_TRUE(held.has_value());
  const auto calls = disk->calls();
  const auto block = std::find_if(calls.rbegin(), calls.rend(), [](const SimCall& call) {
    return call.kind == SimCallKind::kWrite && call.size_bytes == io::kBlockBytes &&
           call.path.ends_with(".seg");
  });
  ASSERT_NE(block, calls.rend());
  ASSERT_TRUE(channel->put(batch_of({"behind"})).has_value());
  disk->corrupt(block->path, block->offset + wal::kBlockHeaderBytes, 1,
                [](MutableByteSpan byte) { byte[0] ^= std::byte{1}; });
  EXPECT_EQ(test::drain(*channel), (std::vector<std::string>{"behind"}));
  EXPECT_EQ(channel->size_events(), 2U);
  ASSERT_TRUE(held.value()->commit().has_value());
  EXPECT_EQ(channel->size_events(), 0U);
}

// ---- maxBytes

TEST_F(DiskSpaceTest, MaxBytesIsReachedNamedAndFreedByConsumers) {
  options.bytes_max = 600 * kKiB;
  options.log.idle_flush_ms = 3'600'000;  // blocks without events are written beyond the limit, too
  open();
  const Error error = fill();
  EXPECT_EQ(error.code, Errc::kFull);
  EXPECT_THAT(error.what, HasSubstr("maxBytes"));
  EXPECT_GT(gauge("log_bytes"), 500.0 * kKiB);
  EXPECT_LE(gauge("log_bytes"), 600.0 * kKiB);
  EXPECT_EQ(gauge("log_bytes_max"), 600.0 * kKiB);
  drain();
  EXPECT_EQ(taken_count, put_count);
  EXPECT_EQ(gauge("log_bytes"), 0.0);
  EXPECT_EQ(fill().code, Errc::kFull) << "all of it is there again";
  EXPECT_GT(put_count, 2 * taken_count - 20);
}

TEST_F(DiskSpaceTest, CapacityIsNamedWhenThatIsWhatIsReached) {
  options.bytes_max = kGiB;
  options.capacity_events = 10;
  options.transaction_capacity = 5;
  open();
  EXPECT_THAT(fill().what, HasSubstr("capacity reached"));
}

TEST_F(DiskSpaceTest, BatchLargerThanMaxBytesIsTooLargeAtOnce) {
  options.bytes_max = 100 * kKiB;
  options.keep_alive = milliseconds(60'000);
  open();
  EXPECT_EQ(put(0, 200'000).error().code, Errc::kTooLarge);
}

TEST_F(DiskSpaceTest, PutWaitsForBytesUntilAConsumerIsDone) {
  options.bytes_max = 100 * kKiB;
  open();
  fill();
  stop();
  options.keep_alive = milliseconds(60'000);
  open();
  auto waiting = std::async(std::launch::async, [this] { return put(put_count); });
  test::give_way();
  EXPECT_FALSE(test::take_and_commit(*channel, 20).empty());
  EXPECT_TRUE(waiting.get().has_value());
}

TEST_F(DiskSpaceTest, LoweredLimitOpensAndRefusesUntilDrainedBelow) {
  open();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(put_again());
  for (const bool is_crash : {false, true}) {
    options.bytes_max = 300 * kKiB;
    if (is_crash) {
      crash_and_open();
    } else {
      stop();
      open();
    }
    EXPECT_EQ(channel->size_events(), 200U);
    EXPECT_THAT(put(put_count).error().what, HasSubstr("maxBytes"));
  }
  for (const std::string& body : test::take_and_commit(*channel, 100)) {
    EXPECT_EQ(std::stoul(body), taken_count++);
  }
  EXPECT_FALSE(put(put_count).has_value()) << "still above it";
  drain();
  EXPECT_TRUE(put_again());
  stop();
  options.bytes_max = Capacity::kUnlimited;
  open();
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(put_again());
  drain();
  EXPECT_EQ(taken_count, put_count);
}

// ---- full disks

TEST_F(DiskSpaceTest, FullDiskIsLowThenFullThenNormalWithoutARestart) {
  disk->set_capacity(kManifestBytes + 4 * kSlotBytes + kSlotBytes / 2);
  open();
  // A slot under preparation may come after the first refusal.
  EXPECT_TRUE(eventually([this] {
    EXPECT_EQ(fill().code, Errc::kNoSpace);
    return gauge("space_state") == 2.0;
  }));
  EXPECT_FALSE(channel->is_failed());
  const std::uint64_t before = channel->log_metrics().bytes.value();
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(put(put_count).has_value());
  EXPECT_EQ(channel->log_metrics().bytes.value(), before) << "refused before anything is written";
  drain();
  EXPECT_EQ(taken_count, put_count);
  EXPECT_TRUE(eventually([this] { return put_again(); }));
  disk->set_capacity(kGiB);
  EXPECT_TRUE(eventually([this] { return gauge("space_state") == 0.0; }));
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(put_again());
  drain();
  EXPECT_EQ(taken_count, put_count);
}

// The segment that is full is the only one, so no other can be freed.
TEST_F(DiskSpaceTest, DiskWithRoomForOneSlotGoesOnForEver) {
  disk->set_capacity(kManifestBytes + kSlotBytes + kSlotBytes / 2);
  open();
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(fill().code, Errc::kNoSpace);
    drain();
    EXPECT_EQ(taken_count, put_count);
    EXPECT_TRUE(eventually([this] { return put_again(); })) << round;
    if (round == 2) crash_and_open();
    if (round == 3) {
      stop();
      open();
    }
  }
}

// What is acknowledged on a full disk is recorded all the same: the manifest needs no new space.
TEST_F(DiskSpaceTest, AcknowledgementsOnAFullDiskSurviveACrash) {
  disk->set_capacity(kManifestBytes + 2 * kSlotBytes + kSlotBytes / 2);
  open();
  fill();
  for (const std::string& body : test::take_and_commit(*channel, 7)) {
    EXPECT_EQ(std::stoul(body), taken_count++);
  }
  ASSERT_TRUE(channel->checkpoint().has_value());
  crash_and_open();
  drain();
  EXPECT_EQ(taken_count, put_count) << "nothing twice, nothing lost";
}

// After a crash the last segment is not appended to, and there is no slot for another one.
TEST_F(DiskSpaceTest, ChannelStartsOnAFullDiskForItsConsumers) {
  disk->set_capacity(kManifestBytes + 2 * kSlotBytes + kSlotBytes / 2);
  open();
  fill();
  crash_and_open();
  EXPECT_TRUE(eventually([this] { return gauge("space_state") == 2.0; }));
  EXPECT_EQ(put(put_count).error().code, Errc::kNoSpace);
  stop();  // without having had a segment to write to
  open();
  EXPECT_EQ(channel->size_events(), put_count);
  drain();
  EXPECT_EQ(taken_count, put_count);
  EXPECT_TRUE(eventually([this] { return put_again(); }));
}

TEST_F(DiskSpaceTest, TransactionOverSeveralSegmentsIsRefusedBeforeItBegins) {
  disk->set_capacity(kManifestBytes + 3 * kSlotBytes + kSlotBytes / 2);
  options.log.spare_slots_min = 0;
  open();
  ASSERT_TRUE(put_again());
  const std::uint64_t before = channel->log_metrics().bytes.value();
  const EventBodies large(400, std::string(2000, 'x'));  // 800 KB: four slots with the first
  EXPECT_EQ(channel->put(batch_of(large)).error().code, Errc::kNoSpace);
  EXPECT_LE(channel->log_metrics().bytes.value(), before + 3 * io::kBlockBytes)
      << "a proof at most";
  EXPECT_FALSE(channel->is_failed());
  disk->set_capacity(kGiB);
  EXPECT_TRUE(eventually([&] { return channel->put(batch_of(large)).has_value(); }));
  EXPECT_EQ(test::drain(*channel).size(), 401U);
}

TEST_F(DiskSpaceTest, PutsAreRefusedBelowMinimumRequiredSpaceAndTakesAreNot) {
  options.log.free_bytes_min = 512 * kMiB;
  open();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(put_again());
  disk->set_capacity(256 * kMiB);  // somebody else has filled it
  Result<void> refused;
  ASSERT_TRUE(eventually([&] {
    refused = put(put_count);
    if (refused.has_value()) ++put_count;
    return !refused.has_value() &&
           std::string_view(refused.error().what).find("minimumRequiredSpace") !=
               std::string_view::npos;
  }));
  EXPECT_EQ(refused.error().code, Errc::kNoSpace);
  drain();
  EXPECT_EQ(taken_count, put_count);
  disk->set_capacity(kGiB);
  EXPECT_TRUE(eventually([this] { return put_again(); }));
}

// ---- several data directories

TEST_F(DiskSpaceTest, OneOfTwoDirectoriesFullOrFailingIsNoticedByNoProducer) {
  options.data_dirs = {"/c1/a", "/c1/b"};
  const std::vector<Error> errors{test::kBroken, test::kFull};
  for (const Error& error : errors) {
    disk = std::make_unique<SimDisk>();
    put_count = taken_count = 0;
    disk->fail_when(
        [](const SimCall& call) {
          const bool is_making =
              call.kind == SimCallKind::kCreate || call.kind == SimCallKind::kAllocate;
          return is_making && call.path.starts_with("/c1/b/");
        },
        error);
    open();
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(put_again());
    EXPECT_EQ(gauge("data_dirs_left_out"), 1.0);
    EXPECT_EQ(gauge("space_state"), 0.0);
    drain();
    disk->clear_faults();
    ASSERT_TRUE(eventually([this] { return gauge("data_dirs_left_out") == 0.0; }));
    for (int i = 0; i < 400; ++i) ASSERT_TRUE(put_again());
    crash_and_open();
    drain();
    EXPECT_EQ(taken_count, put_count);
    stop();
  }
}

// ---- deletion

// The device has lost the newest manifest, and the older one lists a slot that is being deleted.
TEST_F(DiskSpaceTest, OlderManifestDoesNotMissASlotThatIsBeingDeleted) {
  options.log.background = wal::Background::kNone;
  options.log.spare_slots_min = 0;
  options.log.spare_slots_max = 0;
  options.log.cut_bytes = 64 * kKiB;
  open();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(put_again());  // two segments
  ASSERT_TRUE(channel->checkpoint().has_value());
  int cuts = 0;
  disk->fail_when(
      [&cuts](const SimCall& call) {
        return (call.kind == SimCallKind::kTruncate && ++cuts > 1) ||
               call.kind == SimCallKind::kRemove;
      },
      test::kBroken);
  while (cuts == 0 && taken_count < put_count) {
    for (const std::string& body : test::take_and_commit(*channel, 1)) {
      EXPECT_EQ(std::stoul(body), taken_count++);
    }
  }
  ASSERT_GT(cuts, 1) << "the first slot was to be deleted";
  disk->clear_faults();
  damage_newest_manifest();
  crash_and_open();
  for (const auto& finding : channel->recovered().findings) {
    EXPECT_EQ(finding.kind, checkpoint::Finding::Kind::kManifestDamaged)
        << checkpoint::finding_name(finding.kind);
  }
  drain();
  EXPECT_EQ(taken_count, put_count);
}

}  // namespace
}  // namespace spillway::channel
