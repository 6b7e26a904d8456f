// What the log promises those who write to it: a transaction is durable when wait_durable() says
// so, whole, in order, with dense sequences; and what a device refused is never believed in its
// place.

#include "wal/log_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>
#include <thread>

#include "tests/support/eventually.h"
#include "tests/wal/log_fixture.h"

namespace spillway::wal {
namespace {

struct LogWriterTest : LogTest, OnWritePath {
  LogWriterTest() { options.write_path = GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Path, LogWriterTest, OnWritePath::all(), OnWritePath::name_of);

TEST_P(LogWriterTest, TransactionsAreReadBackInOrder) {
  open();
  for (std::size_t i = 1; i < 20; ++i) put_numbered(i, 60);
  expect_all_stored();
  EXPECT_EQ(listener.end().value, expected.size() + 1);
  EXPECT_EQ(writer->durable_end().next_sequence.value, expected.size() + 1);
}

TEST_P(LogWriterTest, DurableTransactionSurvivesPowerLoss) {
  open();
  put_numbered(3);
  const auto image = disk.crash_image({.name = "none", .fates = {}});
  const auto slot = slot_path(segments.snapshot().front());
  EXPECT_EQ(image->contents(slot), disk.contents(slot));
}

TEST_P(LogWriterTest, EachBlockNamesItsPredecessorAndWhatIsDurable) {
  open();
  for (int i = 0; i < 5; ++i) put_numbered(2);
  const LogContents contents = stored();
  ASSERT_EQ(contents.blocks.size(), 5U);
  for (std::size_t i = 1; i < 5; ++i) {
    EXPECT_EQ(contents.blocks[i].previous_hash, contents.blocks[i - 1].hash);
    EXPECT_EQ(contents.blocks[i].durable_lsn, contents.blocks[i].lsn);
  }
}

TEST_P(LogWriterTest, LogGoesOnInNewSegments) {
  open();
  for (int i = 0; i < 40; ++i) put_numbered(3, 3000);
  EXPECT_GT(segments.size(), 3U);
  expect_all_stored();
  const auto all = segments.snapshot();
  for (std::size_t i = 1; i < all.size(); ++i) {
    EXPECT_EQ(all[i].number, all[i - 1].number + 1);
    EXPECT_EQ(all[i].first_lsn, all[i - 1].end_lsn);
    EXPECT_EQ(all[i].first_sequence, all[i - 1].end_sequence);
    EXPECT_TRUE(all[i - 1].is_sealed);
    const auto header = decode_segment_header(disk.contents(slot_path(all[i])));
    ASSERT_TRUE(header.has_value());
    EXPECT_EQ(header->predecessor_number, all[i - 1].number.value);
    EXPECT_EQ(header->first_lsn, all[i].first_lsn.value);
  }
  EXPECT_FALSE(all.back().is_sealed);
}

TEST_P(LogWriterTest, TransactionsStagedDuringAWriteShareOneBlock) {
  options.background = Background::kThreads;
  options.idle_flush_ms = 3'600'000;  // no block of its own accord
  open();
  gate.close();
  std::vector<std::thread> producers;
  producers.emplace_back([this] { EXPECT_TRUE(put({"leader"}).has_value()); });
  gate.wait_for_writes(1);
  constexpr std::size_t kFollowers = 16;
  std::atomic<std::size_t> staged{0};
  for (std::size_t i = 0; i < kFollowers; ++i) {
    producers.emplace_back([this, &staged] {
      const auto bytes = entries_of({"a", "b"});
      const auto ticket = writer->append(bytes, 2);
      ASSERT_TRUE(ticket.has_value());
      staged.fetch_add(1);
      EXPECT_TRUE(writer->wait_durable(ticket.value()).has_value());
    });
  }
  ASSERT_TRUE(test::eventually([&] { return staged.load() == kFollowers; }));
  gate.open();
  for (std::thread& producer : producers) producer.join();

  const LogContents contents = stored();
  ASSERT_EQ(contents.blocks.size(), 2U);
  EXPECT_EQ(contents.blocks[0].entry_count, 1U);
  EXPECT_EQ(contents.blocks[1].entry_count, 2 * kFollowers);
  for (std::size_t i = 0; i < contents.sequences.size(); ++i) {
    EXPECT_EQ(contents.sequences[i], i + 1);
  }
}

TEST_P(LogWriterTest, ManyThreadsGetDenseSequences) {
  options.background = Background::kThreads;
  options.idle_flush_ms = 1;
  open();
  constexpr int kThreads = 6;
  constexpr int kPuts = 60;
  std::vector<std::thread> producers;
  for (int t = 0; t < kThreads; ++t) {
    producers.emplace_back([this, t] {
      for (int i = 0; i < kPuts; ++i) {
        const std::size_t count = 1 + static_cast<std::size_t>((t + i) % 3);
        const std::string text = std::to_string(t) + "-" + std::to_string(i);
        EXPECT_TRUE(put(std::vector<std::string>(count, text)).has_value());
        if (i % 7 == 0) writer->append_ack({{static_cast<std::uint64_t>(i)}, {60}});
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  ASSERT_TRUE(writer->flush().has_value());
  const LogContents contents = stored();
  EXPECT_TRUE(contents.lost.empty());
  std::set<std::string> seen;
  for (std::size_t i = 0; i < contents.entries.size(); ++i) {
    ASSERT_EQ(contents.sequences[i], i + 1);
    seen.insert(contents.entries[i]);
  }
  EXPECT_EQ(seen.size(), std::size_t{kThreads} * kPuts);
}

// ---- large transactions

TEST_P(LogWriterTest, TransactionLargerThanABlockIsSpreadOverSeveral) {
  open();
  put_numbered(1);
  put_numbered(30, 2000);  // 60 KB, blocks of 16 KiB
  put_numbered(1);
  const LogContents contents = stored();
  expect_all_stored();
  std::size_t with_more = 0;
  for (const BlockHeader& block : contents.blocks) {
    EXPECT_LE(block_bytes(block.payload_bytes), options.block_bytes_max);
    if ((block.flags & kMorePutFlag) != 0) ++with_more;
  }
  EXPECT_EQ(with_more, contents.blocks.size() - 3);
  EXPECT_EQ(contents.blocks.back().flags, 0U);
}

TEST_P(LogWriterTest, TransactionLargerThanASegmentIsReadBack) {
  open();
  put_numbered(2);
  put_numbered(150, 2000);  // 300 KB, segments of 128 KiB
  put_numbered(2);
  EXPECT_GE(segments.size(), 3U);
  expect_all_stored();
}

TEST_P(LogWriterTest, LargeTransactionIsInvisibleUntilItIsWhole) {
  options.background = Background::kThreads;
  options.idle_flush_ms = 3'600'000;
  open();
  put_numbered(1);
  gate.close();
  std::thread producer([this] {
    EXPECT_TRUE(put(std::vector<std::string>(20, std::string(2000, 'x'))).has_value());
  });
  gate.wait_for_writes(1);
  EXPECT_EQ(writer->durable_end().next_sequence.value, 2U);
  EXPECT_EQ(listener.end().value, 2U);
  gate.open();
  producer.join();
  EXPECT_EQ(writer->durable_end().next_sequence.value, 22U);
  EXPECT_EQ(listener.end().value, 22U);
}

TEST_P(LogWriterTest, OneEntryMayFillASegment) {
  open();
  put_numbered(1);
  const std::size_t large = 128 * kKiB - kSegmentDataOffset - 4096;
  put_numbered(1, large);
  put_numbered(1);
  expect_all_stored();
}

TEST_P(LogWriterTest, EntryLargerThanASegmentIsRefusedAndNothingIsStaged) {
  open();
  put_numbered(1);
  const auto refused = put({"small", std::string(128 * kKiB, 'x'), "small"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code, Errc::kTooLarge);
  const auto large = entries_of({std::string(128 * kKiB, 'x')});
  EXPECT_EQ(writer->check(large, {}).error().code, Errc::kTooLarge);
  EXPECT_EQ(writer->commit(large, 1).error().code, Errc::kTooLarge);
  put_numbered(1);  // checks that its sequence is the next one
  expect_all_stored();
}

// ---- acknowledgements

TEST_P(LogWriterTest, AcknowledgementsRideInTheNextBlock) {
  open();
  put_numbered(5);
  writer->append_ack({{1}, {3}});
  writer->append_ack({{3}, {4}});  // continues the range before
  writer->append_ack({{5}, {5}});  // empty
  writer->append_ack({{5}, {6}});
  EXPECT_EQ(stored().blocks.size(), 1U);
  put_numbered(1);
  const LogContents contents = stored();
  EXPECT_EQ(contents.blocks.size(), 2U);
  EXPECT_EQ(contents.acks, (std::vector<SequenceRange>{{{1}, {4}}, {{5}, {6}}}));
}

TEST_P(LogWriterTest, FlushWritesAllAcknowledgementsHoweverMany) {
  open();
  put_numbered(1);
  std::vector<SequenceRange> acked;
  for (std::uint64_t i = 0; i < 2500; ++i) acked.push_back({{1 + 2 * i}, {2 + 2 * i}});
  for (const SequenceRange& range : acked) writer->append_ack(range);
  ASSERT_TRUE(writer->flush().has_value());
  const LogContents contents = stored();
  EXPECT_EQ(contents.acks, acked);
  EXPECT_EQ(contents.entries, expected);
  EXPECT_EQ(contents.blocks.back().entry_count, 0U);
  EXPECT_EQ(contents.blocks.back().first_sequence, 2U);
}

TEST_P(LogWriterTest, ManyAcknowledgementsDuringAWriteDoNotStopTheLog) {
  options.background = Background::kThreads;
  options.idle_flush_ms = 1;
  open();
  gate.close();
  std::thread producer([this] { EXPECT_TRUE(put({"slow"}).has_value()); });
  gate.wait_for_writes(1);
  for (std::uint64_t i = 0; i < 3000; ++i) writer->append_ack({{1 + 2 * i}, {2 + 2 * i}});
  gate.open();
  producer.join();
  EXPECT_TRUE(put({"next"}).has_value());
  ASSERT_TRUE(writer->flush().has_value());
  EXPECT_EQ(stored().acks.size(), 3000U);
}

// A sink that acknowledges during every write keeps flush() going, but nobody who waits for puts.
TEST_P(LogWriterTest, WhoWaitsForPutsDoesNotWaitForWhatComesLater) {
  open();
  put_numbered(1);
  std::uint64_t acked = 0;
  gate.on_write = [&] {
    if (acked < 100) writer->append_ack({{1 + acked}, {2 + acked}});
    ++acked;
  };
  ASSERT_TRUE(writer->append(entries_of({"late"}), 1, LogWriter::Waiter::kNone).has_value());
  ASSERT_TRUE(writer->wait_appended().has_value());
  EXPECT_EQ(writer->durable_end().next_sequence.value, 3U);
  EXPECT_LT(acked, 5U);
  ASSERT_TRUE(writer->flush().has_value());
  EXPECT_GE(acked, 100U);
  gate.on_write = nullptr;
}

TEST_P(LogWriterTest, QuietLogProvesItsLastBlockDurable) {
  options.background = Background::kThreads;
  options.idle_flush_ms = 1;
  open();
  put_numbered(1);
  ASSERT_TRUE(test::eventually([this] { return writer->metrics().blocks.value() >= 2; }));
  ASSERT_TRUE(writer->flush().has_value());
  const LogContents contents = stored();
  ASSERT_EQ(contents.blocks.size(), 2U) << "one proof is enough";
  EXPECT_EQ(contents.blocks[1].entry_count, 0U);
  EXPECT_EQ(contents.blocks[1].durable_lsn, contents.blocks[1].lsn);
}

TEST_P(LogWriterTest, QuietLogWritesAcknowledgementsByItself) {
  options.background = Background::kThreads;
  options.idle_flush_ms = 1;
  open();
  put_numbered(2);
  ASSERT_TRUE(test::eventually([this] { return writer->metrics().blocks.value() >= 2; }));
  writer->append_ack({{1}, {3}});
  ASSERT_TRUE(test::eventually([this] { return writer->metrics().blocks.value() >= 3; }));
  ASSERT_TRUE(writer->flush().has_value());
  EXPECT_EQ(stored().acks, (std::vector<SequenceRange>{{{1}, {3}}}));
}

TEST_P(LogWriterTest, NewSegmentRecordsWhatIsAcknowledged) {
  open();
  put_numbered(5);
  writer->note_acked_below({4});
  writer->note_acked_below({3});  // an older message that arrives late
  while (segments.size() < 2) put_numbered(1, 3000);
  const auto header = decode_segment_header(disk.contents(slot_path(segments.snapshot().back())));
  ASSERT_TRUE(header.has_value());
  EXPECT_EQ(header->acked_below, 4U);
}

// ---- limits and the end

TEST_P(LogWriterTest, ProducersWaitForStagingRoomAndAllGetThrough) {
  options.background = Background::kThreads;
  options.staging_bytes_max = 16 * kKiB;
  open();
  std::vector<std::thread> producers;
  for (int t = 0; t < 4; ++t) {
    producers.emplace_back([this] {
      for (int i = 0; i < 20; ++i) EXPECT_TRUE(put({std::string(9000, 'x')}).has_value());
    });
  }
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(stored().entries.size(), 80U);
}

TEST_P(LogWriterTest, StagedWithoutWaitingIsWrittenByTheNextOneOrByFlush) {
  open();
  const auto one = entries_of({"one"});
  const auto two = entries_of({"two"});
  const auto first = writer->append(one, 1);
  const auto second = writer->append(two, 1);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_TRUE(stored().blocks.empty());
  ASSERT_TRUE(writer->flush().has_value());
  EXPECT_TRUE(writer->wait_durable(first.value()).has_value());
  EXPECT_TRUE(writer->wait_durable(second.value()).has_value());
  EXPECT_EQ(stored().blocks.size(), 1U);
}

TEST_P(LogWriterTest, StagingFullWithNobodyWaitingMakesItsOwnRoom) {
  options.staging_bytes_max = 16 * kKiB;
  open();
  const auto bytes = entries_of({std::string(6000, 'x')});
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(writer->append(bytes, 1).has_value());
  ASSERT_TRUE(writer->flush().has_value());
  EXPECT_EQ(stored().entries.size(), 10U);
}

TEST_P(LogWriterTest, CloseWritesWhatIsStagedAndRefusesMore) {
  options.background = Background::kThreads;
  open();
  const auto bytes = entries_of({"last"});
  ASSERT_TRUE(writer->append(bytes, 1).has_value());
  writer->append_ack({{1}, {2}});
  ASSERT_TRUE(writer->close().has_value());
  ASSERT_TRUE(writer->close().has_value());
  EXPECT_EQ(writer->append(bytes, 1).error().code, Errc::kClosed);
  const std::array acks{SequenceRange{{1}, {2}}};
  EXPECT_EQ(writer->stage_acks(acks).error().code, Errc::kClosed);
  const LogContents contents = stored();
  EXPECT_EQ(contents.entries, std::vector<std::string>{"last"});
  EXPECT_EQ(contents.acks.size(), 1U);
}

}  // namespace
}  // namespace spillway::wal
