// What the log promises those who read it: every durable block once and in order, from memory where
// it can; and around damage, with exactly the range that is missing.

#include "wal/log_reader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>

#include "tests/wal/log_fixture.h"

namespace spillway::wal {
namespace {

struct LogReaderTest : LogTest {
  /// `count` blocks of `per_block` entries each.
  void fill(std::size_t count, std::size_t per_block = 2, std::size_t entry_bytes = 100) {
    for (std::size_t i = 0; i < count; ++i) put_numbered(per_block, entry_bytes);
  }

  void zero(const BlockHeader& block) {
    const auto segment = segments.find({block.lsn});
    ASSERT_TRUE(segment.has_value());
    disk.corrupt(
        slot_path(*segment), segment->offset_of({block.lsn}), kBlockHeaderBytes,
        [](MutableByteSpan bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{0}); });
  }

  static SequenceRange entries_in(const BlockHeader& block) {
    return {{block.first_sequence}, {block.first_sequence + block.entry_count}};
  }

  void expect_lost(const LogContents& contents, const std::vector<SequenceRange>& ranges) {
    std::vector<SequenceRange> lost;
    for (const LostRange& range : contents.lost) lost.push_back(range.entries);
    EXPECT_EQ(lost, ranges);
    // What is neither delivered nor lost is nowhere, and nothing is both.
    std::vector<int> seen(expected.size(), 0);
    for (const std::uint64_t sequence : contents.sequences) ++seen[sequence - 1];
    for (const SequenceRange& range : ranges) {
      for (Sequence s = range.first; s < range.end; s += 1) ++seen[s.value - 1];
    }
    EXPECT_EQ(std::count(seen.begin(), seen.end(), 1), static_cast<std::ptrdiff_t>(seen.size()));
    for (std::size_t i = 0; i < contents.entries.size(); ++i) {
      EXPECT_EQ(contents.entries[i], expected[contents.sequences[i] - 1]);
    }
  }
};

TEST_F(LogReaderTest, FreshBlocksNeverTouchTheDisk) {
  open();
  LogReader reader = new_reader(*cache);
  reader.seek({0}, {1});
  for (int i = 0; i < 60; ++i) {
    put_numbered(3, 1000);
    ASSERT_EQ(read_to(reader, writer->durable_end()).entries.size(), 3U);
  }
  EXPECT_EQ(reader.disk_read_bytes.value(), 0U);
  EXPECT_EQ(cache->bytes(), 0U);
}

TEST_F(LogReaderTest, EndIsNoErrorAndMayMove) {
  open();
  LogReader reader = new_reader(*cache);
  reader.seek({0}, {1});
  const auto step = reader.next(writer->durable_end());
  ASSERT_TRUE(step.has_value());
  EXPECT_FALSE(step.value().block || step.value().lost);
  put_numbered(1);
  EXPECT_EQ(read_to(reader, writer->durable_end()).entries, expected);
}

// The reader's last read may have reached beyond the end of the log of that time; those bytes have
// been written since.
TEST_F(LogReaderTest, ReadingBehindTheWriterWithoutACacheLosesNothing) {
  options.cache_bytes_max = 0;
  open();
  LogReader reader = new_reader(*cache);
  reader.seek({0}, {1});
  LogContents all;
  for (int i = 0; i < 60; ++i) {
    fill(1 + static_cast<std::size_t>(i % 3), 2, 700);
    const LogContents some = read_to(reader, writer->durable_end());
    EXPECT_TRUE(some.lost.empty());
    all.entries.insert(all.entries.end(), some.entries.begin(), some.entries.end());
  }
  EXPECT_EQ(all.entries, expected);
}

TEST_F(LogReaderTest, CacheThatOverflowsIsReadAroundFromDisk) {
  options.cache_bytes_max = 12 * kKiB;
  open();
  LogReader reader = new_reader(*cache);
  reader.seek({0}, {1});
  LogContents all;
  for (const std::size_t count : {1U, 9U, 2U, 20U, 1U, 1U, 30U, 4U}) {
    fill(count, 1, 500);
    const LogContents some = read_to(reader, writer->durable_end());
    EXPECT_TRUE(some.lost.empty());
    all.entries.insert(all.entries.end(), some.entries.begin(), some.entries.end());
  }
  EXPECT_EQ(all.entries, expected);
  EXPECT_GT(reader.disk_read_bytes.value(), 0U);
}

TEST_F(LogReaderTest, DamagedBlockIsLostExactlyWhereverItLies) {
  open();
  fill(50, 3, 900);  // several segments
  ASSERT_GT(segments.size(), 1U);
  const auto blocks = stored().blocks;
  for (const BlockHeader& block : blocks) {
    SCOPED_TRACE(block.lsn);
    const auto segment = segments.find({block.lsn});
    const auto path = slot_path(*segment);
    const auto before = disk.contents(path);
    zero(block);
    expect_lost(stored(), {entries_in(block)});
    disk.corrupt(path, 0, before.size(), [&](MutableByteSpan bytes) {
      std::copy(before.begin(), before.end(), bytes.begin());
    });
  }
  EXPECT_TRUE(stored().lost.empty());
}

TEST_F(LogReaderTest, NeighbouringDamageIsOneRange) {
  open();
  fill(10);
  const auto blocks = stored().blocks;
  zero(blocks[3]);
  zero(blocks[4]);
  zero(blocks[7]);
  expect_lost(stored(),
              {{{blocks[3].first_sequence}, {blocks[5].first_sequence}}, entries_in(blocks[7])});
}

TEST_F(LogReaderTest, DamageToAcknowledgementsAloneLosesNoEntries) {
  open();
  fill(2);
  writer->append_ack({{1}, {2}});
  ASSERT_TRUE(writer->flush().has_value());
  fill(2);
  const auto blocks = stored().blocks;
  ASSERT_EQ(blocks[2].entry_count, 0U);
  zero(blocks[2]);
  const LogContents contents = stored();
  ASSERT_EQ(contents.lost.size(), 1U);
  EXPECT_TRUE(contents.lost[0].entries.is_empty());
  EXPECT_EQ(contents.entries, expected);
}

// The cache bounds what is read from disk; that border must not hide what lies behind the damage.
TEST_F(LogReaderTest, DamageBeforeWhatTheCacheHasCostsItsBlockOnly) {
  options.cache_bytes_max = 0;
  open();
  fill(6);
  const auto blocks = stored().blocks;
  for (const std::size_t damaged : {3U, 4U, 5U}) {
    zero(blocks[damaged]);
    BlockCache late(kMiB);
    Block sentinel;
    sentinel.header = blocks[5];
    if (damaged < 5) late.add(sentinel);
    LogReader reader = new_reader(late);
    reader.seek({0}, {1});
    for (std::size_t i = 0; i < 3; ++i) {
      const auto step = reader.next(writer->durable_end());
      ASSERT_TRUE(step.has_value() && step.value().block.has_value());
    }
    std::vector<SequenceRange> lost;
    while (lost.empty()) {
      const auto step = reader.next(writer->durable_end());
      ASSERT_TRUE(step.has_value() && step.value().lost.has_value());
      lost.push_back(step.value().lost->entries);
    }
    // What was damaged in the rounds before is damaged still: one range up to here.
    const SequenceRange range{{blocks[3].first_sequence}, entries_in(blocks[damaged]).end};
    EXPECT_EQ(lost, std::vector<SequenceRange>{range});
  }
}

// Blocks of all sizes up to several reads, with and without a thread, in one piece each.
TEST_F(LogReaderTest, BlocksOverTheBordersOfReadsComeWhole) {
  options.slot_bytes = 512 * kKiB;
  options.staging_bytes_max = 256 * kKiB;
  open();
  for (std::size_t i = 0; i < 120; ++i) put_numbered(1 + i % 7, 300 + 977 * (i % 11));
  put_numbered(1, 100 * kKiB);  // larger than a read and than the room before it
  put_numbered(2, 500);
  for (const auto background : {Background::kNone, Background::kThreads}) {
    for (const std::uint64_t read_bytes : {4 * kKiB, 12 * kKiB, 32 * kKiB, 256 * kKiB}) {
      SCOPED_TRACE(read_bytes);
      LogOptions reading = options;
      reading.background = background;
      reading.read_bytes = read_bytes;
      reading.read_ahead_bytes = 4 * read_bytes;
      BlockCache empty(0);
      LogReader reader(channel_id, reading, *slots, segments, empty);
      reader.seek({0}, {1});
      const LogContents contents = read_to(reader, writer->durable_end());
      EXPECT_EQ(contents.entries, expected);
      EXPECT_TRUE(contents.lost.empty());
    }
  }
}

TEST_F(LogReaderTest, StopsReadingAheadOnceItIsBackInTheCache) {
  open();
  fill(100, 3, 2000);
  LogOptions reading = options;
  reading.background = Background::kThreads;
  reading.read_ahead_bytes = 64 * kKiB;
  BlockCache late(kMiB);
  LogReader reader(channel_id, reading, *slots, segments, late);
  reader.seek({0}, {1});
  const auto first = reader.next(writer->durable_end());
  ASSERT_TRUE(first.has_value() && first.value().block.has_value());
  EXPECT_GT(reader.bytes_ahead(), 0U);
  Block next = *first.value().block;
  next.header.lsn = reader.lsn().value;
  late.add(next);
  ASSERT_TRUE(reader.next(writer->durable_end()).has_value());
  EXPECT_EQ(reader.bytes_ahead(), 0U);
}

TEST_F(LogReaderTest, UnreadableSectorCostsItsBlockOnly) {
  open();
  fill(10);
  const auto blocks = stored().blocks;
  const auto segment = segments.find({blocks[4].lsn});
  disk.fail_reads(slot_path(*segment), segment->offset_of({blocks[4].lsn}) + 1024, 512);
  expect_lost(stored(), {entries_in(blocks[4])});
}

TEST_F(LogReaderTest, DeviceThatIsGoneLosesNothing) {
  open();
  fill(10);
  BlockCache empty(0);
  LogReader reader = new_reader(empty);
  reader.seek({0}, {1});
  disk.fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kRead; },
                 {.code = Errc::kIo, .os_error = EIO, .what = "gone"});
  for (int i = 0; i < 3; ++i) {
    const auto step = reader.next(writer->durable_end());
    ASSERT_FALSE(step.has_value());
    EXPECT_EQ(step.error().code, Errc::kIo);
  }
  disk.clear_faults();
  EXPECT_EQ(read_to(reader, writer->durable_end()).entries, expected);
}

TEST_F(LogReaderTest, MissingSlotLosesItsSegmentExactly) {
  open();
  fill(80, 2, 1500);
  const auto all = segments.snapshot();
  ASSERT_GT(all.size(), 2U);
  directory = nullptr;
  for (const Segment& segment : all) {
    SCOPED_TRACE(segment.number.value);
    const auto image = disk.crash_image({.name = "none", .fates = {}});
    image->erase(slot_path(segment));
    const auto opened = image->open_directory(kLogPath, io::FileSystem::Missing::kFail);
    ASSERT_TRUE(opened.has_value());
    SlotPool pool({opened.value().get()}, options, io::OpenMode::kRead);
    ASSERT_TRUE(pool.open().has_value());
    BlockCache empty(0);
    LogReader reader(channel_id, options, pool, segments, empty);
    reader.seek({0}, {1});
    expect_lost(read_to(reader, writer->durable_end()),
                {{segment.first_sequence, segment.end_sequence}});
  }
}

TEST_F(LogReaderTest, CutSlotLosesWhatLayBehindTheCut) {
  open();
  fill(20);
  const auto blocks = stored().blocks;
  const auto segment = segments.snapshot().front();
  const auto path = slot_path(segment);
  const auto whole = disk.contents(path);
  disk.put(path, ByteSpan(whole).first(segment.offset_of({blocks[7].lsn}) + 100));
  slots = std::make_unique<SlotPool>(std::vector<io::Directory*>{directory.get()}, options);
  ASSERT_TRUE(slots->open().has_value());
  expect_lost(stored(), {{{blocks[7].first_sequence}, {expected.size() + 1}}});
}

TEST_F(LogReaderTest, BlockOfAnotherPlaceIsDamageNotData) {
  open();
  fill(6);
  const auto blocks = stored().blocks;
  const auto segment = segments.snapshot().front();
  const auto whole = disk.contents(slot_path(segment));
  const auto from = segment.offset_of({blocks[2].lsn});
  disk.corrupt(slot_path(segment), segment.offset_of({blocks[4].lsn}), 4096,
               [&](MutableByteSpan to) { std::copy_n(&whole[from], to.size(), to.begin()); });
  expect_lost(stored(), {entries_in(blocks[4])});
}

// An event hangs in the first segment; those behind it are reclaimed.
TEST_F(LogReaderTest, TellsWhatWasReclaimedBetweenOtherSegments) {
  open();
  fill(160, 2, 1500);
  const auto all = segments.snapshot();
  ASSERT_GT(all.size(), 3U);
  const auto removed = segments.remove_drained({UINT64_MAX}, [&](const SequenceRange& entries) {
    return all[1].first_sequence <= entries.first && entries.end <= all[2].end_sequence;
  });
  ASSERT_EQ(removed.size(), 2U);
  BlockCache empty(0);
  LogReader reader = new_reader(empty);
  reader.seek({0}, {1});
  std::vector<LostRange> reclaimed;
  Sequence next{1};
  while (reader.lsn() < writer->durable_end().lsn) {
    const auto step = reader.next(writer->durable_end());
    ASSERT_TRUE(step.has_value());
    EXPECT_FALSE(step.value().lost.has_value());
    if (step.value().reclaimed) {
      reclaimed.push_back(*step.value().reclaimed);
      next = reclaimed.back().entries.end;
    } else {
      ASSERT_TRUE(step.value().block.has_value());
      EXPECT_EQ(step.value().block->first_sequence(), next);
      next = step.value().block->end_sequence();
    }
  }
  EXPECT_EQ(next.value, expected.size() + 1);
  ASSERT_EQ(reclaimed.size(), 1U);
  EXPECT_EQ(reclaimed[0].first_lsn, all[1].first_lsn);
  EXPECT_EQ(reclaimed[0].end_lsn, all[3].first_lsn);
  EXPECT_EQ(reclaimed[0].entries, (SequenceRange{all[1].first_sequence, all[3].first_sequence}));
}

TEST_F(LogReaderTest, PassesOverASegmentThatIsGoneBehindAllItsEntries) {
  open();
  fill(3);
  LogReader reader = new_reader(*cache);
  reader.seek({0}, {1});
  EXPECT_EQ(read_to(reader, writer->durable_end()).entries, expected);
  // Acknowledgements fill the rest of the segment; nobody has read them when it goes.
  const std::size_t seen = expected.size();
  while (segments.size() < 2) {
    writer->append_ack({{1}, {2}});
    ASSERT_TRUE(writer->flush().has_value());
  }
  fill(2);
  ASSERT_EQ(remove_drained({seen + 1}).size(), 1U);
  BlockCache empty(0);
  LogReader late = new_reader(empty);
  late.seek(reader.lsn(), reader.sequence());
  const LogContents contents = read_to(late, writer->durable_end());
  EXPECT_TRUE(contents.lost.empty());
  EXPECT_EQ(contents.entries.size(), expected.size() - seen);
}

}  // namespace
}  // namespace spillway::wal
