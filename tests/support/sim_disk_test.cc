// The simulated disk loses exactly what a real one may lose, and nothing it promised to keep.
#include "tests/support/sim_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <string>
#include <utility>

#include "tests/support/disk_errors.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::test {
namespace {

using io::AlignedBuffer;
using io::Durability;
using io::kBlockBytes;
using io::OpenMode;
using testing::ElementsAre;
using testing::IsEmpty;
using Wait = io::WriteQueue::Wait;

struct SimDiskTest : testing::Test {
  std::unique_ptr<io::File> create(const std::string& name) {
    return std::move(directory->open(name, OpenMode::kCreate).value());
  }
  // A file whose name and `blocks` blocks of 'o' are durable.
  std::unique_ptr<io::File> create_durable(const std::string& name, std::size_t blocks) {
    auto file = create(name);
    EXPECT_TRUE(file->write_at(0, filled('o', blocks).span(), Durability::kNone).has_value());
    EXPECT_TRUE(file->sync().has_value());
    EXPECT_TRUE(directory->sync().has_value());
    return file;
  }
  const AlignedBuffer& filled(char with, std::size_t blocks = 1) {
    AlignedBuffer& buffer =
        *buffers.emplace_back(std::make_unique<AlignedBuffer>(blocks * kBlockBytes));
    std::fill(buffer.span().begin(), buffer.span().end(), static_cast<std::byte>(with));
    return buffer;
  }
  Result<void> write(io::File& file, std::size_t block, char with, Durability durability) {
    return file.write_at(block * kBlockBytes, filled(with).span(), durability);
  }
  // First byte of each block, '.' for zero.
  static std::string blocks_of(const SimDisk& of, const std::string& path) {
    if (!of.exists(path)) return "missing";
    std::string text;
    const auto bytes = of.contents(path);
    for (std::size_t at = 0; at < bytes.size(); at += kBlockBytes) {
      text += bytes[at] == std::byte{0} ? '.' : static_cast<char>(bytes[at]);
    }
    return text;
  }
  // What the file may look like after a power loss now.
  std::set<std::string> outcomes(const std::string& path) {
    std::set<std::string> found;
    for (const Survivors& choice : all_survivors(disk.pending().size())) {
      found.insert(blocks_of(*disk.crash_image(choice), path));
    }
    return found;
  }

  std::vector<std::unique_ptr<AlignedBuffer>> buffers;
  SimDisk disk{{.seed = 3}};
  std::unique_ptr<io::Directory> directory =
      std::move(disk.open_directory("d", io::FileSystem::Missing::kCreate).value());
};

TEST_F(SimDiskTest, NameIsLostUntilTheDirectoryIsSynced) {
  const auto file = create("log");
  ASSERT_TRUE(write(*file, 0, 'a', Durability::kDurable).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("a", "missing"));
  ASSERT_TRUE(directory->sync().has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("a"));
}

TEST_F(SimDiskTest, RemovedNameMayComeBackUntilTheDirectoryIsSynced) {
  create_durable("log", 1);
  ASSERT_TRUE(directory->remove("log").has_value());
  EXPECT_FALSE(disk.exists("d/log"));
  EXPECT_THAT(outcomes("d/log"), ElementsAre("missing", "o"));
  ASSERT_TRUE(directory->sync().has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("missing"));
}

TEST_F(SimDiskTest, WriteIsPendingUntilTheFileIsSynced) {
  const auto file = create_durable("log", 2);
  ASSERT_TRUE(write(*file, 0, 'a', Durability::kNone).has_value());
  ASSERT_TRUE(write(*file, 1, 'b', Durability::kNone).has_value());
  EXPECT_EQ(blocks_of(disk, "d/log"), "ab");
  EXPECT_THAT(outcomes("d/log"), ElementsAre("ab", "ao", "ob", "oo"));
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_THAT(disk.pending(), IsEmpty());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("ab"));
}

TEST_F(SimDiskTest, DurableWriteSaysNothingAboutItsNeighbours) {
  const auto file = create_durable("log", 2);
  ASSERT_TRUE(write(*file, 0, 'a', Durability::kNone).has_value());
  ASSERT_TRUE(write(*file, 1, 'b', Durability::kDurable).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("ab", "ob"));
}

TEST_F(SimDiskTest, OlderPendingWriteNeverOverwritesANewerDurableOne) {
  const auto file = create_durable("log", 3);
  ASSERT_TRUE(file->write_at(0, filled('a', 3).span(), Durability::kNone).has_value());
  ASSERT_TRUE(write(*file, 1, 'b', Durability::kDurable).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("aba", "obo"));
}

TEST_F(SimDiskTest, GrownSizeIsLostUntilSyncedButDurableWritesCarryTheirs) {
  const auto file = create_durable("log", 1);
  ASSERT_TRUE(file->allocate(4 * kBlockBytes).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("o", "o..."));
  ASSERT_TRUE(write(*file, 1, 'b', Durability::kDurable).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("ob", "ob.."));
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("ob.."));
}

TEST_F(SimDiskTest, BytesBehindALostSizeReadAsZerosWhenTheFileGrowsAgain) {
  const auto file = create_durable("log", 1);
  ASSERT_TRUE(file->allocate(2 * kBlockBytes).has_value());
  ASSERT_TRUE(write(*file, 1, 'b', Durability::kNone).has_value());
  const auto image =
      disk.crash_image({.name = "write without size", .fates = {Fate::kLost, Fate::kKept}});
  EXPECT_EQ(blocks_of(*image, "d/log"), "o");
  const auto after = std::move(image->open_directory("d", io::FileSystem::Missing::kFail).value());
  const auto again = std::move(after->open("log", OpenMode::kReadWrite).value());
  ASSERT_TRUE(again->allocate(2 * kBlockBytes).has_value());
  EXPECT_EQ(blocks_of(*image, "d/log"), "o.");
}

TEST_F(SimDiskTest, CutIsPendingUntilTheFileIsSynced) {
  const auto file = create_durable("log", 3);
  ASSERT_TRUE(file->truncate(kBlockBytes).has_value());
  EXPECT_EQ(blocks_of(disk, "d/log"), "o");
  EXPECT_THAT(outcomes("d/log"), ElementsAre("o", "ooo"));
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_THAT(disk.pending(), IsEmpty());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("o"));
}

TEST_F(SimDiskTest, CutTakesTheWritesBehindItAlong) {
  const auto file = create_durable("log", 2);
  ASSERT_TRUE(write(*file, 1, 'a', Durability::kNone).has_value());
  ASSERT_TRUE(file->truncate(kBlockBytes).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("o", "oa", "oo"));
  ASSERT_TRUE(file->sync().has_value());
  ASSERT_TRUE(file->allocate(2 * kBlockBytes).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("o", "o."));
}

TEST_F(SimDiskTest, WhatIsDurableBehindACutMakesTheCutDurable) {
  const auto file = create_durable("log", 4);
  ASSERT_TRUE(file->truncate(kBlockBytes).has_value());
  ASSERT_TRUE(write(*file, 0, 'a', Durability::kDurable).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("a", "aooo")) << "before the cut: says nothing of it";
  ASSERT_TRUE(write(*file, 2, 'b', Durability::kDurable).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("a.b"));
}

TEST_F(SimDiskTest, FailedCutMayHaveCut) {
  std::set<std::string> found;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "log" + std::to_string(i);
    const auto file = create_durable(name, 2);
    disk.fail_when([](const SimCall& call) { return call.kind == SimCallKind::kTruncate; }, kBroken,
                   SimDisk::Repeat::kOnce);
    EXPECT_EQ(file->truncate(0).error().os_error, EIO);
    found.insert(blocks_of(disk, "d/" + name));
  }
  EXPECT_THAT(found, ElementsAre("", "oo"));
}

TEST_F(SimDiskTest, TornWriteMixesOldNewAndGarbageBySector) {
  const auto file = create_durable("log", 4);
  ASSERT_TRUE(file->write_at(0, filled('n', 4).span(), Durability::kNone).has_value());
  int old_count = 0;
  int new_count = 0;
  int garbage_count = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    const auto image = disk.crash_image({.name = "torn", .fates = {Fate::kTorn}, .seed = seed});
    const auto bytes = image->contents("d/log");
    for (std::size_t at = 0; at < bytes.size(); at += 512) {
      const ByteSpan sector(bytes.data() + at, 512);
      const auto all = [sector](char c) {
        return std::all_of(sector.begin(), sector.end(),
                           [c](std::byte b) { return b == static_cast<std::byte>(c); });
      };
      ++(all('o') ? old_count : all('n') ? new_count : garbage_count);
    }
  }
  // 3200 sectors: 25 % new, 25 % old, 50 % with garbage.
  EXPECT_NEAR(new_count, 800, 150);
  EXPECT_NEAR(old_count, 800, 150);
  EXPECT_NEAR(garbage_count, 1600, 200);
}

TEST_F(SimDiskTest, SyncAfterAFailedSyncIsNotToBeBelieved) {
  const auto file = create_durable("log", 1);
  ASSERT_TRUE(write(*file, 0, 'a', Durability::kNone).has_value());
  disk.fail_call(disk.call_count() + 1, kBroken);
  EXPECT_EQ(file->sync().error().code, Errc::kIo);
  EXPECT_TRUE(file->sync().has_value());
  EXPECT_EQ(blocks_of(disk, "d/log"), "a");
  EXPECT_THAT(outcomes("d/log"), ElementsAre("a", "o"));
  ASSERT_TRUE(write(*file, 0, 'b', Durability::kDurable).has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("b"));
}

TEST_F(SimDiskTest, FailedDirectorySyncDoesNotOutliveALaterDurableName) {
  create("log");
  disk.fail_call(disk.call_count() + 1, kBroken);
  EXPECT_FALSE(directory->sync().has_value());
  ASSERT_TRUE(directory->sync().has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("", "missing"));
  ASSERT_TRUE(directory->remove("log").has_value());
  ASSERT_TRUE(directory->sync().has_value());
  EXPECT_THAT(outcomes("d/log"), ElementsAre("missing"));
}

TEST_F(SimDiskTest, FailedWriteMayLeaveAnyOfItsSectors) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SimDisk other({.seed = seed});
    const auto dir = std::move(other.open_directory("d", io::FileSystem::Missing::kCreate).value());
    const auto file = std::move(dir->open("log", OpenMode::kCreate).value());
    ASSERT_TRUE(file->allocate(2 * kBlockBytes).has_value());
    other.fail_call(other.call_count() + 1, kBroken);
    EXPECT_EQ(file->write_at(0, filled('a', 2).span(), Durability::kDurable).error().os_error, EIO);
    seen.insert(blocks_of(other, "d/log"));
  }
  EXPECT_THAT(seen, ElementsAre("..", ".a", "a.", "aa"));
}

TEST_F(SimDiskTest, OnceFailsOnceAndAlwaysFailsEverAfter) {
  const auto file = create_durable("log", 1);
  disk.fail_call(disk.call_count() + 2, kBroken);
  EXPECT_TRUE(file->size_bytes().has_value());
  EXPECT_FALSE(file->size_bytes().has_value());
  EXPECT_TRUE(file->size_bytes().has_value());
  disk.fail_call(disk.call_count() + 1, kBroken, SimDisk::Repeat::kAlways);
  EXPECT_FALSE(file->size_bytes().has_value());
  EXPECT_FALSE(directory->list().has_value());
  disk.clear_faults();
  EXPECT_TRUE(directory->list().has_value());
}

TEST_F(SimDiskTest, FaultsCanBeChosenByWhatACallDoes) {
  const auto log = create_durable("log", 1);
  const auto other = create_durable("other", 1);
  disk.fail_when(
      [](const SimCall& c) { return c.kind == SimCallKind::kWrite && c.path == "d/log"; }, kBroken);
  EXPECT_FALSE(write(*log, 0, 'a', Durability::kNone).has_value());
  EXPECT_FALSE(write(*log, 0, 'a', Durability::kNone).has_value());
  EXPECT_TRUE(write(*other, 0, 'a', Durability::kNone).has_value());
}

TEST_F(SimDiskTest, BadRangeFailsTheReadsThatTouchIt) {
  const auto file = create_durable("log", 3);
  disk.fail_reads("d/log", kBlockBytes + 7, 1);
  AlignedBuffer read(kBlockBytes);
  EXPECT_TRUE(file->read_at(0, read.span()).has_value());
  EXPECT_EQ(file->read_at(kBlockBytes, read.span()).error().at, kBlockBytes + 7);
  EXPECT_TRUE(file->read_at(2 * kBlockBytes, read.span()).has_value());
}

TEST_F(SimDiskTest, FullDiskRefusesGrowthUntilSomethingIsRemoved) {
  disk.set_capacity(4 * kBlockBytes);
  create_durable("old", 3);
  const auto file = create("log");
  EXPECT_EQ(file->allocate(3 * kBlockBytes).error().code, Errc::kNoSpace);
  EXPECT_LE(file->size_bytes().value(), kBlockBytes);
  EXPECT_EQ(file->write_at(0, filled('a', 2).span(), Durability::kDurable).error().code,
            Errc::kNoSpace);
  ASSERT_TRUE(directory->remove("old").has_value());
  EXPECT_TRUE(file->allocate(3 * kBlockBytes).has_value());
  EXPECT_EQ(directory->space().value().free_bytes, kBlockBytes);
}

struct CrashCase {
  CrashPhase phase = CrashPhase::kBefore;
  std::set<std::string> after_write = {};
  std::set<std::string> after_sync = {};
};

class SimDiskCrashTest : public SimDiskTest, public testing::WithParamInterface<CrashCase> {};

TEST_P(SimDiskCrashTest, PhaseDecidesWhatIsLeftOfADurableWrite) {
  const auto file = create_durable("log", 1);
  disk.crash_at(disk.call_count() + 1, GetParam().phase);
  EXPECT_EQ(write(*file, 0, 'a', Durability::kDurable).error().code, Errc::kClosed);
  EXPECT_TRUE(disk.is_crashed());
  EXPECT_EQ(outcomes("d/log"), GetParam().after_write);
}

TEST_P(SimDiskCrashTest, PhaseDecidesWhatASyncHasDone) {
  const auto file = create_durable("log", 1);
  ASSERT_TRUE(write(*file, 0, 'a', Durability::kNone).has_value());
  disk.crash_at(disk.call_count() + 1, GetParam().phase);
  EXPECT_EQ(file->sync().error().code, Errc::kClosed);
  EXPECT_EQ(outcomes("d/log"), GetParam().after_sync);
}

INSTANTIATE_TEST_SUITE_P(Phases, SimDiskCrashTest,
                         testing::Values(CrashCase{CrashPhase::kBefore, {"o"}, {"a", "o"}},
                                         CrashCase{
                                             CrashPhase::kAfterSubmit, {"a", "o"}, {"a", "o"}},
                                         CrashCase{CrashPhase::kAfterCompletion, {"a"}, {"a"}}));

TEST_F(SimDiskTest, NothingChangesOnceThePowerIsGone) {
  const auto file = create_durable("log", 1);
  const auto lock = directory->lock();
  disk.crash_now();
  const std::uint64_t calls = disk.call_count();
  EXPECT_EQ(write(*file, 0, 'a', Durability::kDurable).error().code, Errc::kClosed);
  EXPECT_EQ(file->sync().error().code, Errc::kClosed);
  EXPECT_EQ(directory->remove("log").error().code, Errc::kClosed);
  EXPECT_EQ(directory->list().error().code, Errc::kClosed);
  EXPECT_EQ(disk.open_write_queue(1, io::Durability::kDurable).error().code, Errc::kClosed);
  EXPECT_EQ(disk.call_count(), calls);
  EXPECT_EQ(blocks_of(disk, "d/log"), "o");
}

TEST_F(SimDiskTest, ImageIsFreeOfLocksAndMayCrashAgain) {
  const auto lock = directory->lock();
  create_durable("log", 1);
  const auto image = disk.crash_image({});
  const auto after = std::move(image->open_directory("d", io::FileSystem::Missing::kFail).value());
  EXPECT_TRUE(after->lock().has_value());
  const auto file = std::move(after->open("log", OpenMode::kReadWrite).value());
  ASSERT_TRUE(write(*file, 0, 'a', Durability::kNone).has_value());
  EXPECT_EQ(blocks_of(*image->crash_image({}), "d/log"), "o");
  EXPECT_EQ(blocks_of(disk, "d/log"), "o");  // the first disk is another one
}

TEST_F(SimDiskTest, MediumCanBeDamagedBehindTheSystem) {
  const auto file = create_durable("log", 1);
  disk.corrupt("d/log", 100, 2, [](MutableByteSpan bytes) { bytes[1] ^= std::byte{1}; });
  EXPECT_EQ(disk.contents("d/log")[101], static_cast<std::byte>('o' ^ 1));
  EXPECT_EQ(disk.crash_image({})->contents("d/log")[101], static_cast<std::byte>('o' ^ 1));
  disk.erase("d/log");
  EXPECT_THAT(disk.paths(), IsEmpty());
  disk.put("e/new", as_bytes("text"));
  const auto other = std::move(disk.open_directory("e", io::FileSystem::Missing::kFail).value());
  EXPECT_THAT(other->list().value(), ElementsAre("new"));
  EXPECT_EQ(as_text(disk.crash_image({})->contents("e/new")), "text");
}

// Runs a fixed workload and tells all that can be seen of it.
std::string trace(std::uint64_t seed) {
  SimDisk disk({.seed = seed});
  const auto directory =
      std::move(disk.open_directory("d", io::FileSystem::Missing::kCreate).value());
  const auto file = std::move(directory->open("log", OpenMode::kCreate).value());
  const auto queue = std::move(disk.open_write_queue(4, io::Durability::kDurable).value());
  const AlignedBuffer block(kBlockBytes);
  std::vector<io::WriteDone> done;
  for (std::uint64_t round = 0; round < 5; ++round) {
    for (std::uint64_t i = 0; i < 4; ++i) {
      queue->submit(*file, (4 * round + i) * kBlockBytes, block.span(), 4 * round + i);
    }
    while (done.size() < 4 * (round + 1)) queue->reap(done, Wait::kForOne);
  }
  std::string text;
  for (const SimCall& call : disk.calls()) text += to_string(call) + '\n';
  for (const io::WriteDone& one : done) text += std::to_string(one.tag) + ' ';
  return text;
}

TEST(SimDiskOrderTest, SameSeedSameRunAndOthersDiffer) {
  EXPECT_EQ(trace(1), trace(1));
  EXPECT_NE(trace(1), trace(2));
}

struct SimQueueTest : SimDiskTest {
  std::unique_ptr<io::File> file = create_durable("log", 3);
  std::unique_ptr<io::WriteQueue> queue =
      std::move(disk.open_write_queue(3, io::Durability::kDurable).value());
  std::vector<io::WriteDone> done;
};

TEST_F(SimQueueTest, WritesInFlightMayOrMayNotSurvive) {
  disk.hold_writes();
  queue->submit(*file, 0, filled('a').span(), 1);
  queue->submit(*file, kBlockBytes, filled('b').span(), 2);
  EXPECT_THAT(outcomes("d/log"), ElementsAre("abo", "aoo", "obo", "ooo"));
  ASSERT_TRUE(file->sync().has_value());  // covers completed writes only
  EXPECT_THAT(outcomes("d/log"), ElementsAre("abo", "aoo", "obo", "ooo"));
  queue->reap(done, Wait::kNo);
  EXPECT_THAT(done, IsEmpty());
  disk.release_writes();
  while (done.size() < 2) queue->reap(done, Wait::kForOne);
  EXPECT_THAT(outcomes("d/log"), ElementsAre("abo"));
}

TEST_F(SimQueueTest, FailingWriteReportsItsErrorAtReap) {
  disk.fail_call(disk.call_count() + 2, kBroken);
  queue->submit(*file, 0, filled('a').span(), 1);
  queue->submit(*file, kBlockBytes, filled('b').span(), 2);
  while (done.size() < 2) queue->reap(done, Wait::kForOne);
  for (const io::WriteDone& one : done) EXPECT_EQ(one.outcome.has_value(), one.tag == 1);
}

TEST_F(SimQueueTest, WriteThatIsNotDurableMayBeLostOnceItIsFinished) {
  const auto unsynced = std::move(disk.open_write_queue(1, Durability::kNone).value());
  unsynced->submit(*file, 0, filled('n').span(), 1);
  while (done.empty()) unsynced->reap(done, Wait::kForOne);
  EXPECT_TRUE(done.front().outcome.has_value());
  EXPECT_EQ(disk.pending().size(), 1U);
  EXPECT_FALSE(disk.pending().front().is_in_flight);
  ASSERT_TRUE(file->sync().has_value());
  EXPECT_TRUE(disk.pending().empty());
}

TEST_F(SimQueueTest, PowerLossEndsEveryWriteWithoutTellingHowItWent) {
  disk.hold_writes();
  queue->submit(*file, 0, filled('a').span(), 1);
  disk.crash_at(disk.call_count() + 1, CrashPhase::kAfterSubmit);
  queue->submit(*file, kBlockBytes, filled('b').span(), 2);
  EXPECT_TRUE(disk.is_crashed());
  queue->reap(done, Wait::kForOne);
  ASSERT_EQ(done.size(), 2U);
  for (const io::WriteDone& one : done) EXPECT_EQ(one.outcome.error().code, Errc::kClosed);
  EXPECT_THAT(outcomes("d/log"), ElementsAre("abo", "aoo", "obo", "ooo"));
}

TEST_F(SimQueueTest, CrashAfterCompletionKeepsAWriteNobodyHeardOf) {
  disk.crash_at(disk.call_count() + 1, CrashPhase::kAfterCompletion);
  queue->submit(*file, 0, filled('a').span(), 1);
  queue->reap(done, Wait::kForOne);
  EXPECT_EQ(done.at(0).outcome.error().code, Errc::kClosed);
  EXPECT_THAT(outcomes("d/log"), ElementsAre("aoo"));
}

using SimQueueDeathTest = SimQueueTest;

TEST_F(SimQueueDeathTest, OverlappingWritesInFlightAreABugOfTheCaller) {
  disk.hold_writes();
  queue->submit(*file, 0, filled('a', 2).span(), 1);
  EXPECT_DEATH(queue->submit(*file, kBlockBytes, filled('b').span(), 2), "overlaps");
}

}  // namespace
}  // namespace spillway::test
