// What LogWriter does when the device or the disk's space fails it, and with several writes in
// flight: what a device refused is never believed in its place, nothing is durable before what was
// staged before it, and a full disk takes nothing with it but what was under way.

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/disk_errors.h"
#include "tests/support/eventually.h"
#include "tests/wal/log_fixture.h"
#include "wal/segment_header.h"

namespace spillway::wal {
namespace {

using test::kBroken;
using test::kFull;
using test::SimCall;
using test::SimCallKind;
using test::SimDisk;

bool is_block_write(const SimCall& call) {
  return (call.kind == SimCallKind::kWrite || call.kind == SimCallKind::kSubmit) &&
         call.offset >= kSegmentDataOffset;
}

struct LogPipelineTest : LogTest, OnWritePath {
  LogPipelineTest() {
    options.write_path = GetParam();
    if (GetParam() == WritePath::kRing)
      options.overlap_bytes_min = 0;  // all goes through the queue
  }

  /// The next write of a block fails.
  void fail_block_write(const Error& error) {
    disk.fail_when(is_block_write, error, SimDisk::Repeat::kOnce);
  }
};

INSTANTIATE_TEST_SUITE_P(Path, LogPipelineTest, OnWritePath::all(), OnWritePath::name_of);

// ---- errors

TEST_P(LogPipelineTest, DeviceErrorIsWrittenAgainInAnotherSlot) {
  open();
  put_numbered(2);
  fail_block_write(kBroken);
  put_numbered(3);
  put_numbered(1);
  EXPECT_FALSE(writer->poison().has_value());
  EXPECT_EQ(writer->metrics().rewrites.value(), 1U);
  const auto all = segments.snapshot();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_NE(all[0].slot, all[1].slot);
  EXPECT_EQ(all[0].end_lsn, all[1].first_lsn);
  expect_all_stored();
}

TEST_P(LogPipelineTest, FailedSegmentHeaderIsWrittenAgainInAnotherSlot) {
  open();
  disk.fail_when(
      [](const SimCall& call) {
        return call.kind == SimCallKind::kWrite && call.size_bytes == kSegmentDataOffset;
      },
      kBroken, SimDisk::Repeat::kOnce);
  while (writer->metrics().rewrites.value() == 0) put_numbered(2, 3000);
  put_numbered(2);
  expect_all_stored();
}

TEST_P(LogPipelineTest, SecondDeviceErrorInARowPoisonsForGood) {
  open();
  put_numbered(2);
  disk.fail_when(is_block_write, kBroken);
  EXPECT_EQ(put({"lost"}).error().os_error, EIO);
  ASSERT_TRUE(writer->poison().has_value());
  disk.clear_faults();
  const std::uint64_t calls = disk.call_count();
  EXPECT_EQ(put({"refused"}).error().os_error, EIO);
  writer->append_ack({{1}, {2}});
  EXPECT_EQ(writer->flush().error().os_error, EIO);
  EXPECT_EQ(writer->close().error().os_error, EIO);
  EXPECT_EQ(disk.call_count(), calls) << "nothing is tried again";
  EXPECT_EQ(writer->durable_end().next_sequence.value, 3U);
}

TEST_P(LogPipelineTest, DeviceErrorFailsAllThatIsStagedBehindIt) {
  options.background = Background::kThreads;
  open();
  put_numbered(1);
  gate.close();
  std::vector<std::thread> producers;
  std::atomic<int> failed{0};
  std::atomic<int> staged{0};
  const auto produce = [&] {
    const auto bytes = entries_of({"x"});
    const auto ticket = writer->append(bytes, 1);
    staged.fetch_add(1);
    if (!ticket.has_value() || !writer->wait_durable(ticket.value()).has_value()) {
      failed.fetch_add(1);
    }
  };
  producers.emplace_back(produce);
  gate.wait_for_writes(1);
  for (int i = 0; i < 8; ++i) producers.emplace_back(produce);
  ASSERT_TRUE(test::eventually([&] { return staged.load() == 9; }));
  disk.fail_when(is_block_write, kBroken);
  gate.open();
  for (std::thread& producer : producers) producer.join();
  EXPECT_EQ(failed.load(), 9);
  EXPECT_EQ(listener.end().value, 2U);
}

TEST_P(LogPipelineTest, ErrorInAnyPartOfALargeTransactionMovesAllOfIt) {
  open();
  for (int part = 1; part <= 20; ++part) {  // of 19 blocks over three segments, and one more
    SCOPED_TRACE(part);
    put_numbered(1);
    int writes = 0;
    disk.fail_when(
        [&writes, part](const SimCall& call) { return is_block_write(call) && ++writes == part; },
        kBroken, SimDisk::Repeat::kOnce);
    put_numbered(130, 2000);
    disk.clear_faults();
  }
  EXPECT_FALSE(writer->poison().has_value());
  EXPECT_GE(writer->metrics().rewrites.value(), 19U);
  expect_all_stored();
}

// ---- several writes in flight

TEST_P(LogPipelineTest, SlowDeviceGetsSmallBlocksSideBySide) {
  options.background = Background::kThreads;
  options.overlap_bytes_min = kMiB;
  open();
  std::vector<std::thread> producers;
  const auto produce = [&] { EXPECT_TRUE(put({"x"}).has_value()); };
  for (int i = 0; i < 16; ++i) {  // until the mean says so
    gate.close();
    producers.emplace_back(produce);
    gate.wait_for_writes(1);
    clock.advance(std::chrono::nanoseconds(2 * options.slow_write_ns));
    gate.open();
    producers.back().join();
    producers.pop_back();
  }
  gate.close();
  producers.emplace_back(produce);
  gate.wait_for_writes(1);
  producers.emplace_back(produce);
  gate.wait_for_writes(2);
  gate.open();
  for (std::thread& producer : producers) producer.join();
}

struct LogDepthTest : LogPipelineTest {
  /// A log where every transaction has a write of its own, all at the gate at the same time.
  void open_with_gate_closed() {
    options.background = Background::kThreads;
    options.idle_flush_ms = 3'600'000;  // no block of its own accord
    options.overlap_bytes_min = 0;
    open();
    gate.close();
  }
  ~LogDepthTest() override {
    gate.open();
    for (std::thread& producer : producers) producer.join();
  }

  void start_put(const std::string& entry) {
    producers.emplace_back([this, entry] {
      if (put({entry}).has_value()) done.fetch_add(1);
    });
    gate.wait_for_writes(producers.size());
    expected.push_back(entry);
  }

  [[nodiscard]] bool wait_for_blocks(std::uint64_t count) const {
    return test::eventually([&] { return writer->metrics().blocks.value() == count; });
  }

  std::vector<std::thread> producers;
  std::atomic<int> done{0};
};

INSTANTIATE_TEST_SUITE_P(Path, LogDepthTest, OnWritePath::all(), OnWritePath::name_of);

TEST_P(LogDepthTest, NothingIsDurableBeforeWhatWasStagedBefore) {
  open_with_gate_closed();
  start_put("first");
  start_put("second");
  start_put("third");
  gate.release(3);
  ASSERT_TRUE(wait_for_blocks(1));
  gate.release(2);
  ASSERT_TRUE(wait_for_blocks(2));
  EXPECT_EQ(writer->durable_end().next_sequence.value, 1U);
  EXPECT_EQ(listener.end().value, 1U);
  EXPECT_EQ(done.load(), 0);
  gate.release(1);
  ASSERT_TRUE(test::eventually([&] { return done.load() == 3; }));
  EXPECT_EQ(listener.end().value, 4U);
  expect_all_stored();
}

TEST_P(LogDepthTest, ErrorMovesWhatWasWrittenBehindItToo) {
  open_with_gate_closed();
  fail_block_write(kBroken);
  start_put("first");
  start_put("second");
  start_put("third");
  gate.release(2);  // this one fails
  gate.release(3);
  gate.release(1);
  gate.open();
  ASSERT_TRUE(test::eventually([&] { return done.load() == 3; }));
  EXPECT_EQ(writer->metrics().rewrites.value(), 1U);
  expect_all_stored();
}

TEST_P(LogDepthTest, FullDiskFailsWhatWasWrittenBehindItToo) {
  open_with_gate_closed();
  disk.fail_when([](const SimCall& call) { return call.offset == kSegmentDataOffset; }, kFull,
                 SimDisk::Repeat::kOnce);
  start_put("first");
  start_put("second");
  gate.release(1);
  gate.release(2);
  for (std::thread& producer : producers) producer.join();
  producers.clear();
  gate.open();
  EXPECT_EQ(done.load(), 0);
  expected.clear();
  put_numbered(2);
  expect_all_stored();
}

// ---- full disk

TEST_P(LogPipelineTest, FullDiskRefusesAndGoesOnWhenThereIsRoom) {
  options.spare_slots_min = 0;
  open();
  disk.set_capacity(200 * kKiB);  // one slot of 128 KiB, not two
  std::size_t refused = 0;
  while (refused < 3) {
    const auto range = put({std::string(3000, 'x')});
    if (range.has_value()) {
      EXPECT_EQ(range.value().first.value, expected.size() + 1);
      expected.emplace_back(3000, 'x');
    } else {
      ASSERT_EQ(range.error().code, Errc::kNoSpace);
      ++refused;
    }
  }
  EXPECT_FALSE(writer->poison().has_value());
  disk.set_capacity(kMiB);
  slots->release(slots->acquire(SlotPool::Prewrite::kNo).value().id);  // what the preparer does
  put_numbered(5);
  expect_all_stored();
}

// A block that could not be written leaves a hole or half a block at its address. Whatever the
// error is called, later transactions must not be acknowledged behind it.
TEST_P(LogPipelineTest, FullDiskInTheMiddleOfAWriteLosesNothingLater) {
  open();
  put_numbered(2);
  fail_block_write(kFull);
  EXPECT_FALSE(put({"lost"}).has_value());
  const auto after = put({"after"});
  if (after.has_value()) expected.emplace_back("after");
  const LogContents contents = stored();
  EXPECT_EQ(contents.entries, expected);
  EXPECT_TRUE(contents.lost.empty());
}

TEST_P(LogPipelineTest, FullDiskInTheMiddleOfALargeTransactionTakesAllOfItBack) {
  open();
  for (int part = 1; part <= 20; ++part) {  // of 19 blocks over three segments, and one more
    SCOPED_TRACE(part);
    put_numbered(1);
    int writes = 0;
    disk.fail_when(
        [&writes, part](const SimCall& call) { return is_block_write(call) && ++writes == part; },
        kFull, SimDisk::Repeat::kOnce);
    const bool is_stored = put(std::vector<std::string>(130, std::string(2000, 'x'))).has_value();
    disk.clear_faults();
    if (is_stored) expected.insert(expected.end(), 130, std::string(2000, 'x'));
    put_numbered(2);
    EXPECT_FALSE(writer->poison().has_value());
  }
  expect_all_stored();
  EXPECT_LT(disk.paths().size(), 60U) << "slots of what was given up are used again";
}

// The header may be on disk, and recovery takes it for the end of the segment before.
TEST_P(LogPipelineTest, NothingGoesIntoASegmentBehindAFailedHeaderOfTheNext) {
  open();
  put_numbered(1, 3000);
  disk.fail_when(
      [](const SimCall& call) {
        return call.kind == SimCallKind::kWrite && call.size_bytes == kSegmentDataOffset;
      },
      kFull);
  while (put({std::string(3000, 'x')}).has_value()) expected.emplace_back(3000, 'x');
  const std::size_t before = segments.size();
  EXPECT_FALSE(put({"small"}).has_value());
  disk.clear_faults();
  put_numbered(1);
  EXPECT_EQ(segments.size(), before + 1);
  expect_all_stored();
}

TEST_P(LogPipelineTest, FailedSegmentHeaderNeverLeavesTwoSegmentsWithOneNumber) {
  open();
  int headers = 0;
  disk.fail_when(
      [&headers](const SimCall& call) {
        const bool is_header =
            call.kind == SimCallKind::kWrite && call.size_bytes == kSegmentDataOffset;
        return is_header && ++headers % 3 != 0;
      },
      kFull);
  while (segments.size() < 8) {
    if (put({std::string(3000, 'x')}).has_value()) expected.emplace_back(3000, 'x');
  }
  std::set<std::uint64_t> numbers;
  for (const std::string& path : disk.paths()) {
    const auto header = decode_segment_header(disk.contents(path));
    if (!header) continue;
    EXPECT_TRUE(numbers.insert(header->number).second) << header->number;
  }
  const LogContents contents = stored();
  EXPECT_EQ(contents.entries, expected);
  EXPECT_TRUE(contents.lost.empty());
}

}  // namespace
}  // namespace spillway::wal
