// The behaviours that Flume's file channel tests assert, held against ours: damaged events, missing
// and broken checkpoints, stray files, full and failing disks. Each test names the case it answers.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "tests/support/disk_errors.h"
#include "tests/support/eventually.h"
#include "tests/support/file_channel_on_disk.h"

namespace spillway::channel {
namespace {

using test::batch_of;
using test::EventBodies;
using test::kBroken;
using test::SimCallKind;
using testing::ElementsAre;

constexpr std::size_t kManifestSlotBytes = checkpoint::kManifestSlotBytes;

EventBodies numbered(std::size_t begin, std::size_t end) {
  EventBodies bodies;
  for (std::size_t i = begin; i < end; ++i) bodies.push_back("event-" + std::to_string(i));
  return bodies;
}

struct FlumeDamageCasesTest : testing::Test {
  test::FileChannelOnDisk on;

  void SetUp() override { on.open(); }
};

// TestFileChannel.testChannelDiesOnCorruptEventFsync, …NoFsync: ours never dies, it skips the event
TEST_F(FlumeDamageCasesTest, DamagedEventCostsItselfAndNothingElse) {
  on.put_one_by_one("event-", 100);
  on.stop();
  on.damage("event-41");
  on.open();
  EventBodies expected = numbered(0, 100);
  expected.erase(expected.begin() + 41);
  EXPECT_EQ(on.drain(), expected);
  EXPECT_EQ(on.counter("lost_events_total"), 1U);
  EXPECT_EQ(on.counter("lost_ranges_total"), 1U);
  EXPECT_EQ(on.channel().size_events(), 0U);
  ASSERT_TRUE(on.put({"more"}));
  EXPECT_THAT(on.drain(), ElementsAre("more"));
}

TEST_F(FlumeDamageCasesTest, RangesThatTheStartFindsAreCountedOnce) {
  on.put_one_by_one("event-", 10);
  on.damage("event-3");
  on.crash_and_open();
  EXPECT_EQ(on.counter("lost_ranges_total"), 1U);
  EXPECT_EQ(on.drain().size(), 9U);
  EXPECT_EQ(on.counter("lost_ranges_total"), 1U);
  EXPECT_EQ(on.counter("lost_events_total"), 1U);
}

// TestFileChannelErrorMetrics (corrupt event), and the room of what is lost comes back
TEST_F(FlumeDamageCasesTest, LossIsRememberedAcrossRestarts) {
  on.put_one_by_one("event-", 10);
  on.stop();
  on.damage("event-3");
  on.open();
  EXPECT_EQ(on.drain().size(), 9U);
  on.reopen();
  EXPECT_EQ(on.counter("lost_events_total"), 1U);
  EXPECT_EQ(on.channel().size_events(), 0U);
}

// TestFileChannelRestart: MetaDataExistsButCheckpointDoesNot, CheckpointExistsButMetaDoesNot,
// NoCheckpointExists, BadCheckpointVersion, …MetaVersion, IncompleteCheckpoint, Truncated…,
// Corrupt…
struct ManifestDamage {
  const char* name = "";
  bool are_both_slots_lost = false;
  void (*apply)(test::SimDisk& disk, const std::string& path) = nullptr;

  friend std::ostream& operator<<(std::ostream& out, const ManifestDamage& damage) {
    return out << damage.name;
  }
};

void flip(test::SimDisk& disk, const std::string& path, std::uint64_t offset) {
  disk.corrupt(path, offset, 1, [](MutableByteSpan byte) { byte[0] ^= std::byte{0x80}; });
}

void resize(test::SimDisk& disk, const std::string& path, std::size_t size_bytes) {
  auto bytes = disk.contents(path);
  bytes.resize(size_bytes);
  disk.put(path, bytes);
}

std::vector<ManifestDamage> manifest_damages() {
  using test::SimDisk;
  return {
      {"Missing", true, [](SimDisk& d, const std::string& p) { d.erase(p); }},
      {"Empty", true, [](SimDisk& d, const std::string& p) { resize(d, p, 0); }},
      {"TruncatedInsideTheHeader", true,
       [](SimDisk& d, const std::string& p) { resize(d, p, 20); }},
      {"WithoutItsSecondSlot", false,
       [](SimDisk& d, const std::string& p) { resize(d, p, kManifestSlotBytes); }},
      {"LongerThanItShouldBe", false,
       [](SimDisk& d, const std::string& p) { resize(d, p, 3 * kManifestSlotBytes); }},
      {"FirstSlotMagic", false, [](SimDisk& d, const std::string& p) { flip(d, p, 0); }},
      {"FirstSlotVersionHighByte", false, [](SimDisk& d, const std::string& p) { flip(d, p, 5); }},
      {"FirstSlotGenerationHighByte", false,
       [](SimDisk& d, const std::string& p) { flip(d, p, 15); }},
      {"FirstSlotLengthHighByte", false, [](SimDisk& d, const std::string& p) { flip(d, p, 19); }},
      {"FirstSlotPayload", false, [](SimDisk& d, const std::string& p) { flip(d, p, 70); }},
      {"SecondSlotHash", false,
       [](SimDisk& d, const std::string& p) { flip(d, p, kManifestSlotBytes + 63); }},
      {"SecondSlotPayload", false,
       [](SimDisk& d, const std::string& p) { flip(d, p, kManifestSlotBytes + 70); }},
      {"BothSlots", true,
       [](SimDisk& d, const std::string& p) {
         flip(d, p, 0);
         flip(d, p, kManifestSlotBytes);
       }},
  };
}

struct FlumeManifestCasesTest : testing::TestWithParam<ManifestDamage> {
  test::FileChannelOnDisk on;
};

TEST_P(FlumeManifestCasesTest, EveryPendingEventIsRecovered) {
  on.open();
  for (std::size_t i = 0; i < 100; i += 10) ASSERT_TRUE(on.put(numbered(i, i + 10)));
  ASSERT_EQ(on.take_and_commit(30).size(), 30U);
  on.checkpoint();
  ASSERT_EQ(on.take_and_commit(10).size(), 10U);
  on.stop();
  GetParam().apply(on.disk(), on.kManifestPath);
  on.open();

  const EventBodies all = on.drain();
  ASSERT_GE(all.size(), 60U);
  EXPECT_EQ(EventBodies(all.end() - 60, all.end()), numbered(40, 100));
  // With one slot left nothing is delivered twice: the log knows the acknowledgements, too.
  if (!GetParam().are_both_slots_lost) {
    EXPECT_EQ(all.size(), 60U);
  }
  EXPECT_EQ(on.channel().size_events(), 0U);
  on.reopen();
  EXPECT_EQ(on.channel().size_events(), 0U);
}

INSTANTIATE_TEST_SUITE_P(Damage, FlumeManifestCasesTest, testing::ValuesIn(manifest_damages()),
                         [](const auto& one) { return std::string(one.param.name); });

// TestFileChannelRestart.DataFilesRequiredByBackupNotDeleted: the older checkpoint refers to
// segments that have been used anew since
struct FlumeBackupCasesTest : testing::TestWithParam<std::size_t> {
  test::FileChannelOnDisk on;
};

TEST_P(FlumeBackupCasesTest, OlderManifestIsEnoughWhateverWasRecycled) {
  on.open();
  const std::string padding(50'000, '.');  // five to a segment
  std::size_t count = 0;
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(on.put({std::to_string(count++) + padding}));
    ASSERT_EQ(on.take_and_commit(18).size(), 18U);
    on.checkpoint();
  }
  on.stop();
  flip(on.disk(), on.kManifestPath, GetParam() * kManifestSlotBytes);
  on.open();
  std::set<std::size_t> delivered;
  for (const std::string& body : on.drain()) delivered.insert(std::stoul(body));
  for (std::size_t i = count - 8; i < count; ++i) EXPECT_EQ(delivered.count(i), 1U) << i;
  EXPECT_EQ(on.counter("lost_events_total"), 0U);
}

INSTANTIATE_TEST_SUITE_P(Slots, FlumeBackupCasesTest, testing::Values(0, 1));

// TestFileChannelRestart.WithExtraLogs, TestLog (getLogs filters names)
TEST_F(FlumeDamageCasesTest, StrayFilesDoNotPreventTheStart) {
  ASSERT_TRUE(on.put({"a", "b"}));
  on.stop();
  const std::string data = on.kDataPath;
  const std::string text = "not ours";
  for (const char* const name : {"log-1000", "log-1001", "log-1000.meta", "log-3.gz", "slot-.seg",
                                 "slot-1.seg.tmp", "slot-00001.seg~", "README"}) {
    on.disk().put(data + name, as_bytes(text));
  }
  on.disk().put(data + "slot-00777.seg", {});              // a slot that was never filled
  on.disk().put(data + "slot-00778.seg", as_bytes(text));  // not a slot at all
  on.disk().put("/c1/checkpoint/inflightputs", as_bytes(text));
  on.open();
  EXPECT_THAT(on.drain(), ElementsAre("a", "b"));
  EXPECT_EQ(as_text(on.disk().contents(data + "log-1000")), text);
}

// TestLog (minimumRequiredSpace, disk filled at put): back-pressure that ends when space returns
TEST_F(FlumeDamageCasesTest, FullDiskRefusesPutsUntilSinksHaveFreedSpace) {
  on.stop();
  on.limits = {.capacity_events = 100'000, .transaction_capacity_events = 100};
  on.disk().set_capacity(5 * kMiB);
  on.open();
  const std::string padding(20'000, '.');
  std::size_t count = 0;
  Result<void> result;
  while (result.has_value() && count < 1000) {
    result = on.channel().put(batch_of({std::to_string(count) + padding}));
    if (result.has_value()) ++count;
  }
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code, Errc::kNoSpace) << to_string(result.error());
  EXPECT_EQ(on.gauge("is_failed"), 0.0);
  EXPECT_EQ(on.channel().size_events(), count);

  std::size_t next = 0;
  for (const std::string& body : on.drain()) EXPECT_EQ(std::stoul(body), next++);
  EXPECT_EQ(next, count);
  // Long before the next regular checkpoint.
  EXPECT_TRUE(test::eventually([this] { return on.put({"more"}); }));
  EXPECT_THAT(on.drain(), ElementsAre("more"));
}

// TestFileChannelErrorMetrics (put error, Unhealthy)
TEST_F(FlumeDamageCasesTest, FailedDeviceIsCountedAndReportedAndLosesNothingCommitted) {
  ASSERT_TRUE(on.put({"a"}));
  // Without one the second attempt would end for want of room, which fails nothing for good.
  ASSERT_TRUE(test::eventually([&] { return on.gauge("spare_slots") >= 1.0; }));
  on.disk().fail_when(
      [](const test::SimCall& call) {
        return call.kind == SimCallKind::kSubmit || call.kind == SimCallKind::kWrite;
      },
      kBroken);
  EXPECT_FALSE(on.put({"b"}));
  EXPECT_FALSE(on.put({"c"}));
  EXPECT_EQ(on.channel().counters().put_errors.value(), 2U);
  EXPECT_EQ(on.channel().counters().put_successes.value(), 1U);
  EXPECT_EQ(on.gauge("is_failed"), 1.0);
  on.disk().clear_faults();
  on.reopen();
  EXPECT_EQ(on.gauge("is_failed"), 0.0);
  const EventBodies all = on.drain();
  ASSERT_FALSE(all.empty());
  EXPECT_EQ(all.front(), "a");
  ASSERT_TRUE(on.put({"d"}));
}

// TestFileChannelErrorMetrics (checkpoint write error)
TEST_F(FlumeDamageCasesTest, FailedCheckpointIsCountedAndTheNextOneHolds) {
  ASSERT_TRUE(on.put({"a"}));
  on.disk().fail_when([](const test::SimCall& call) { return call.path.ends_with("manifest"); },
                      kBroken);
  EXPECT_FALSE(on.channel().checkpoint().has_value());
  EXPECT_EQ(on.counter("checkpoint_errors_total"), 1U);
  EXPECT_TRUE(on.put({"b"}));
  on.disk().clear_faults();
  on.checkpoint();
  on.reopen();
  EXPECT_THAT(on.drain(), ElementsAre("a", "b"));
}

}  // namespace
}  // namespace spillway::channel
