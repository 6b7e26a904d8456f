// A slot that is not needed any more goes in small steps; wherever that is interrupted, the rest is
// known for what it is, never used as data or as a slot, and gone after the next start.

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/crash_sweep.h"
#include "tests/support/sim_disk.h"
#include "tests/wal/small_slots.h"
#include "wal/io/aligned_buffer.h"
#include "wal/segment_header.h"
#include "wal/slot_files.h"
#include "wal/slot_pool.h"

namespace spillway::wal {
namespace {

using test::SimCall;
using test::SimCallKind;
using test::SimDisk;

LogOptions small_slots() {
  LogOptions options;
  options.slot_bytes = kSmallSlotBytes;
  options.cut_bytes = 20 * kKiB;
  options.spare_slots_min = 0;
  options.spare_slots_max = 1;
  options.background = Background::kNone;
  return options;
}

std::unique_ptr<io::Directory> directory_on(SimDisk& disk) {
  auto opened = disk.open_directory("data", io::FileSystem::Missing::kCreate);
  return opened.has_value() ? std::move(opened.value()) : nullptr;
}

// Three slots that have held segments, two of which are too many. Stops where the disk does.
void release_three(SimDisk& disk) {
  const auto directory = directory_on(disk);
  if (directory == nullptr) return;
  SlotPool pool({directory.get()}, small_slots());
  if (!pool.open().has_value()) return;
  pool.start({});
  std::vector<SlotId> ids;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    const auto slot = pool.acquire(SlotPool::Prewrite::kNo);
    if (!slot.has_value()) return;
    io::AlignedBuffer header(kSegmentDataOffset);
    encode_segment_header({.number = number, .slot_bytes = kSmallSlotBytes}, header.span());
    if (!slot.value().file->write_at(0, header.span(), io::Durability::kDurable).has_value())
      return;
    ids.push_back(slot.value().id);
  }
  for (const SlotId id : ids) pool.release(id);
}

std::vector<SimCallKind> kinds_on(const SimDisk& disk, const std::string& path) {
  std::vector<SimCallKind> kinds;
  for (const SimCall& call : disk.calls()) {
    const bool is_change = call.kind == SimCallKind::kWrite ||
                           call.kind == SimCallKind::kTruncate || call.kind == SimCallKind::kRemove;
    if (is_change && call.path == path) kinds.push_back(call.kind);
  }
  return kinds;
}

TEST(SlotDeletionTest, FileIsMarkedThenCutInStepsThenRemoved) {
  SimDisk disk;
  release_three(disk);
  EXPECT_EQ(kinds_on(disk, "data/slot-00001.seg"),
            (std::vector{SimCallKind::kWrite, SimCallKind::kWrite, SimCallKind::kTruncate,
                         SimCallKind::kTruncate, SimCallKind::kTruncate, SimCallKind::kTruncate,
                         SimCallKind::kRemove}));
  EXPECT_EQ(disk.paths(), std::vector<std::string>{"data/slot-00003.seg"});
}

// Whatever a power loss leaves is a whole slot, or is recognized as garbage and goes at the start.
TEST(SlotDeletionTest, CrashAtAnyPointLeavesNothingBehindAfterTheNextStart) {
  std::uint64_t marked = 0;
  const std::uint64_t images = test::sweep_crashes(
      {.random_survivors = 4},
      [](SimDisk& disk) {
        release_three(disk);
        return 0;
      },
      [&marked](SimDisk& image, int) {
        for (const std::string& path : image.paths()) {
          const auto bytes = image.contents(path);
          const bool is_whole = bytes.size() >= kSmallSlotBytes;
          const ByteSpan head = ByteSpan(bytes).first(std::min(bytes.size(), kSegmentDataOffset));
          if (has_discard_mark(head)) ++marked;
          const bool has_header = decode_segment_header(head).has_value();
          EXPECT_TRUE(is_whole || !has_header) << path << " is cut and still looks like a segment";
        }
        const auto directory = directory_on(image);
        SlotPool pool({directory.get()}, small_slots());
        ASSERT_TRUE(pool.open().has_value());
        pool.start({});
        for (const std::string& path : image.paths()) {
          EXPECT_GE(image.contents(path).size(), kSmallSlotBytes) << path;
        }
        for (int i = 0; i < 4; ++i) {
          const auto slot = pool.acquire(SlotPool::Prewrite::kNo);
          ASSERT_TRUE(slot.has_value());
          EXPECT_EQ(slot.value().file->size_bytes().value(), kSmallSlotBytes);
        }
      });
  EXPECT_GT(images, 100U);
  EXPECT_GT(marked, 10U);
}

TEST(SlotDeletionTest, FileThatCannotBeMarkedOrCutIsRemovedWhole) {
  for (const auto kind : {SimCallKind::kTruncate, SimCallKind::kWrite}) {
    SimDisk disk;
    const auto directory = directory_on(disk);
    disk.put("data/slot-00001.seg", std::vector<std::byte>(kSmallSlotBytes));
    const auto file =
        std::move(directory->open("slot-00001.seg", io::OpenMode::kReadWrite).value());
    disk.fail_when([kind](const SimCall& call) { return call.kind == kind; },
                   {.code = Errc::kNoSpace, .os_error = ENOSPC});
    EXPECT_TRUE(
        delete_slot_file(*directory, "slot-00001.seg", *file, 16 * kKiB, nullptr).has_value());
    EXPECT_TRUE(disk.paths().empty());
  }
}

TEST(SlotDeletionTest, WhoIsInAHurryLeavesAMarkedRest) {
  SimDisk disk;
  const auto directory = directory_on(disk);
  disk.put("data/slot-00001.seg", std::vector<std::byte>(kSmallSlotBytes));
  const auto file = std::move(directory->open("slot-00001.seg", io::OpenMode::kReadWrite).value());
  int steps = 0;
  const Pace twice = [&steps](std::chrono::nanoseconds) { return ++steps < 2; };
  const auto deleted = delete_slot_file(*directory, "slot-00001.seg", *file, 16 * kKiB, twice);
  EXPECT_EQ(deleted.error().code, Errc::kClosed);
  const auto rest = disk.contents("data/slot-00001.seg");
  EXPECT_EQ(rest.size(), 32 * kKiB);
  EXPECT_TRUE(has_discard_mark(ByteSpan(rest).first(kSegmentDataOffset)));
}

TEST(SlotFilesTest, PreWritingStopsWhenAskedToAndLeavesNothing) {
  SimDisk disk;
  const auto directory = directory_on(disk);
  int steps = 0;
  const Pace twice = [&steps](std::chrono::nanoseconds) { return ++steps < 2; };
  const auto made = make_slot_file(*directory, "slot-00001.seg", 4 * kMiB, Fill::kZeros, twice);
  EXPECT_EQ(made.file.error().code, Errc::kClosed);
  EXPECT_TRUE(made.is_name_free);
  EXPECT_EQ(steps, 2);
  EXPECT_TRUE(disk.paths().empty());
}

}  // namespace
}  // namespace spillway::wal
