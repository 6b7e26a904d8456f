// The sweep reaches every call of a workload, and finds the mistakes it is there to find.
#include "tests/support/crash_sweep.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "tests/support/disk_errors.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::test {
namespace {

using io::AlignedBuffer;
using io::kBlockBytes;

// Writes 'a', 'b', 'c' into the first block of a file, each as `durability` says, and returns the
// last one that was promised to be there, or '.'.
char write_versions(SimDisk& disk, io::Durability durability) {
  const auto directory = disk.open_directory("d", io::FileSystem::Missing::kCreate);
  if (!directory.has_value()) return '.';
  const auto file = directory.value()->open("log", io::OpenMode::kCreate);
  if (!file.has_value() || !directory.value()->sync().has_value()) return '.';
  char promised = '.';
  AlignedBuffer block(kBlockBytes);
  for (const char version : {'a', 'b', 'c'}) {
    std::fill(block.span().begin(), block.span().end(), static_cast<std::byte>(version));
    if (!file.value()->write_at(0, block.span(), durability).has_value()) break;
    promised = version;
  }
  return promised;
}

// Whether the file shows the promised version or a later one.
bool keeps_promise(const SimDisk& disk, char promised) {
  if (promised == '.') return true;
  if (!disk.exists("d/log")) return false;
  const auto bytes = disk.contents("d/log");
  return bytes.size() == kBlockBytes && static_cast<char>(bytes[kBlockBytes / 2]) >= promised;
}

// In how many images the promise was broken.
std::uint64_t count_broken(io::Durability durability, std::size_t random_survivors) {
  std::uint64_t broken_count = 0;
  const std::uint64_t image_count = sweep_crashes(
      {.random_survivors = random_survivors},
      [durability](SimDisk& disk) { return write_versions(disk, durability); },
      [&broken_count](SimDisk& disk, char promised) {
        if (!keeps_promise(disk, promised)) ++broken_count;
      });
  EXPECT_GT(image_count, broken_count);
  return broken_count;
}

TEST(CrashSweepTest, ReachesEveryCallAndPhase) {
  SimDisk clean;
  write_versions(clean, io::Durability::kDurable);
  std::set<std::uint64_t> crashed_at;
  std::uint64_t run_count = 0;
  sweep_crashes(
      {},
      [&](SimDisk& disk) {
        ++run_count;
        write_versions(disk, io::Durability::kDurable);
        crashed_at.insert(disk.call_count());
        return '.';
      },
      [](SimDisk&, char) {});
  EXPECT_EQ(crashed_at.size(), clean.call_count());
  // open directory once, the five calls that change something three times, and the clean run
  EXPECT_EQ(run_count, 1 + 3 * (clean.call_count() - 1) + 1);
}

TEST(CrashSweepTest, ForgottenDurabilityIsFound) {
  EXPECT_GT(count_broken(io::Durability::kNone, /*random_survivors=*/0), 0U);
}

TEST(CrashSweepTest, OverwritingInPlaceIsFoundToTear) {
  // Each write is durable, but the next one may tear it: that is why the log never overwrites.
  EXPECT_GT(count_broken(io::Durability::kDurable, /*random_survivors=*/16), 0U);
}

TEST(ErrorSweepTest, RunsEachErrorOnceAndStickyAtEveryCall) {
  SimDisk clean;
  write_versions(clean, io::Durability::kDurable);
  const Error full{.code = Errc::kNoSpace, .os_error = ENOSPC};
  const std::uint64_t run_count = sweep_errors(
      {}, {kBroken, full},
      [](SimDisk& disk) { return write_versions(disk, io::Durability::kDurable); },
      [](SimDisk& disk, char promised) { EXPECT_TRUE(promised == '.' || disk.exists("d/log")); });
  EXPECT_EQ(run_count, 4 * clean.call_count());
}

}  // namespace
}  // namespace spillway::test
