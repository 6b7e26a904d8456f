// A bookmark is in the channel exactly when the put that brought it is: across crashes,
// checkpoints, reclaimed segments and damaged manifests. The crash tests check the same at every
// point.
#include "wal/bookmark.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "channel/memory_channel.h"
#include "tests/channel/channel_on_sim_disk.h"
#include "tests/support/disk_errors.h"
#include "tests/support/events.h"
#include "tests/support/sim_disk.h"

namespace spillway::channel {
namespace {

class BookmarkTest : public ChannelOnSimDisk {
 protected:
  BookmarkTest() { options.log.background = wal::Background::kNone; }

  Result<void> put_with(std::string_view key, std::string_view value, std::size_t bytes = 10) {
    EventBatch batch = test::batch_of({std::string(bytes, 'x')});
    batch.set_bookmark({.key = key, .value = value});
    return channel->put(batch);
  }

  std::optional<std::string> bookmark(std::string_view key) {
    const auto kept = channel->bookmark(key);
    EXPECT_TRUE(kept.has_value()) << to_string(kept.error());
    return kept.has_value() ? kept.value() : std::nullopt;
  }
};

TEST_F(BookmarkTest, LastOneOfEachKeySurvivesAStopAndAPowerLoss) {
  open();
  EXPECT_EQ(bookmark("r1"), std::nullopt);
  ASSERT_TRUE(put_with("r1", "one").has_value());
  ASSERT_TRUE(put_with("r2", "").has_value());
  ASSERT_TRUE(put_with("r1", "two").has_value());
  EXPECT_EQ(bookmark("r1"), "two");
  crash_and_open();
  EXPECT_EQ(bookmark("r1"), "two");
  EXPECT_EQ(bookmark("r2"), "");
  stop();
  open();
  EXPECT_EQ(bookmark("r1"), "two");
  crash_and_open();
  EXPECT_EQ(bookmark("r1"), "two") << "from a manifest, behind which nothing was put";
}

TEST_F(BookmarkTest, ThoseAMadeChannelBeginsWithDoNotCountForOneThatIsThere) {
  options.first_bookmarks.set({.key = "r1", .value = "given"});
  open();
  EXPECT_EQ(bookmark("r1"), "given");
  crash_and_open();
  EXPECT_EQ(bookmark("r1"), "given");
  ASSERT_TRUE(put_with("r1", "put").has_value());
  stop();
  open();
  EXPECT_EQ(bookmark("r1"), "put");
}

TEST_F(BookmarkTest, OutlivesTheSegmentOfItsPut) {
  open();
  ASSERT_TRUE(put_with("r1", "here").has_value());
  for (std::size_t i = 0; i < 4 * kSlotBytes / 3000; ++i) ASSERT_TRUE(put_next().has_value());
  static_cast<void>(test::drain(*channel));
  ASSERT_TRUE(channel->checkpoint().has_value());
  ASSERT_LE(gauge("segments"), 1) << "it is reclaimed";
  crash_and_open();
  EXPECT_EQ(bookmark("r1"), "here");
  crash_and_open(/*damaged=*/1);
  EXPECT_EQ(bookmark("r1"), "here") << "the other manifest knows it, too";
}

TEST_F(BookmarkTest, IsFoundInTheLogWhenBothManifestsAreLost) {
  open();
  for (const char* const value : {"one", "two"}) {
    ASSERT_TRUE(channel->checkpoint().has_value());
    ASSERT_TRUE(put_with("r1", value).has_value());
  }
  crash_and_open(/*damaged=*/2);
  EXPECT_EQ(bookmark("r1"), "two");
}

TEST_F(BookmarkTest, GoesWithTheLastBlockOfALargeTransaction) {
  options.log.block_bytes_max = 16 * kKiB;
  options.log.staging_bytes_max = 64 * kKiB;
  open();
  EventBatch batch = test::batch_of(std::vector<std::string>(40, std::string(1000, 'x')));
  const std::string value(wal::kBookmarkValueBytesMax, 'v');
  batch.set_bookmark({.key = "r1", .value = value});
  ASSERT_TRUE(channel->put(batch).has_value());
  EXPECT_EQ(bookmark("r1"), value);
  crash_and_open();
  EXPECT_EQ(bookmark("r1"), value);
  EXPECT_EQ(test::drain(*channel).size(), 40U);
}

TEST_F(BookmarkTest, LargestMayAccompanyTheLargestEvent) {
  open();
  const std::string value(wal::kBookmarkValueBytesMax, 'v');
  std::size_t bytes = kSlotBytes;
  while (!put_with("r1", value, bytes).has_value()) bytes -= 1000;
  crash_and_open();
  EXPECT_EQ(bookmark("r1"), value);
}

TEST_F(BookmarkTest, OfARefusedPutIsNotThere) {
  options.capacity_events = 1000;
  open();
  ASSERT_TRUE(put_with("r1", "one").has_value());
  EXPECT_EQ(put_with("r1", "two", 2 * kSlotBytes).error().code, Errc::kTooLarge);
  EXPECT_EQ(put_with("r1", std::string(wal::kBookmarkValueBytesMax + 1, 'v')).error().code,
            Errc::kTooLarge);
  EXPECT_EQ(bookmark("r1"), "one");
}

TEST_F(BookmarkTest, OfAKeyThatIsTooLongNoneIsKept) {
  open();
  const std::string key(wal::kBookmarkKeyBytesMax + 1, 'k');
  EXPECT_EQ(channel->bookmark(key).error().code, Errc::kUnsupported);
  EXPECT_EQ(put_with(key, "one").error().code, Errc::kTooLarge);
}

TEST_F(BookmarkTest, IsUnknownWhileTheChannelHasFailed) {
  open();
  ASSERT_TRUE(put_with("r1", "one").has_value());
  disk->fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kWrite; },
                  test::kBroken);
  EXPECT_FALSE(put_with("r1", "two").has_value());
  EXPECT_FALSE(channel->bookmark("r1").has_value());
  crash_and_open();
  EXPECT_EQ(bookmark("r1"), "one");
  channel->stop();
  EXPECT_EQ(channel->bookmark("r1").error().code, Errc::kClosed);
}

TEST_F(BookmarkTest, AManifestFullOfThemHasRoomForSegments) {
  open();
  const std::string value(wal::kBookmarkValueBytesMax, 'v');
  for (std::size_t i = 0; i < 2 * wal::kBookmarksMax; ++i) {
    const std::string key(wal::kBookmarkKeyBytesMax - 1, static_cast<char>('a' + i));
    ASSERT_TRUE(put_with(key, value).has_value());
  }
  ASSERT_TRUE(channel->checkpoint().has_value());
  crash_and_open();
  ASSERT_TRUE(put_next().has_value());
  EXPECT_EQ(channel->recovered().bookmarks.all().size(), wal::kBookmarksMax);
}

TEST(BookmarkSupportTest, AMemoryChannelKeepsNone) {
  MemoryChannel memory{MemoryChannelOptions{}};
  ASSERT_TRUE(memory.start().has_value());
  EXPECT_EQ(memory.bookmark("r1").error().code, Errc::kUnsupported);
  memory.stop();
}

}  // namespace
}  // namespace spillway::channel
