// `recover status` says what the next start of the agent would find, in words and as JSON, and
// tells a torn tail from loss.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"
#include "wal/base/bytes.h"
#include "wal/segment_header.h"

namespace spillway::agent::recover {
namespace {

using test::RunResult;
using test::StoredChannel;

#define EXPECT_SAYS(result, part) \
  EXPECT_TRUE(contains((result).out, part)) << (result).out << (result).err

class RecoverStatusTest : public testing::Test {
 protected:
  RunResult status() { return run_recover({"status", stored_.path()}); }
  test::JsonValue status_json() {
    return json_of(run_recover({"status", "--json", stored_.path()}));
  }

  StoredChannel stored_;
};

TEST_F(RecoverStatusTest, CleanChannelNamesWhatWaits) {
  stored_.put_numbered(5);
  stored_.take(2);
  stored_.stop();
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_SAYS(result, "CLEAN");
  EXPECT_SAYS(result, "3 events, sequences 3 to 5");
  EXPECT_SAYS(result, "none found");
  EXPECT_SAYS(result, "the oldest was put at 2023-11-14 22:13:20 UTC or later");
  EXPECT_SAYS(result, "begun 2023-11-14 22:13:20 UTC");
  EXPECT_EQ(result.err, "");

  const auto json = status_json();
  EXPECT_EQ(json["state"], "clean");
  EXPECT_EQ(json["has_damage"], false);
  EXPECT_EQ(json["events"]["waiting"], 3);
  EXPECT_EQ(json["events"]["first_sequence"], 3);
  EXPECT_EQ(json["events"]["end_sequence"], 6);
  EXPECT_EQ(json["events"]["oldest_put_after_ms"], test::FakeClock::kStartWallMs);
  // Told by the clock of the machine: the event was put when FakeClock began.
  EXPECT_GT(json["events"]["oldest_age_ms_max"].integer(), 86'400'000);
  EXPECT_TRUE(contains(result.out, "UTC or later, at most ")) << result.out;
  EXPECT_EQ(json["log"]["segments"], 1);
  // Blocks of 4 KiB; what precedes the third event's is done with, as far as the manifest knows.
  EXPECT_GE(json["log"]["waiting_bytes"].integer(), 3 * 4096);
  EXPECT_LE(json["log"]["waiting_bytes"].integer(), json["log"]["segment_bytes"].integer());
  EXPECT_EQ(json["slots"]["spare"], 0);
  EXPECT_EQ(json["slots"]["discarded"], 0);
  EXPECT_EQ(json["damage_copies"].size(), 0U);
  EXPECT_EQ(json["log"]["scanned_bytes"], 0);  // the manifest said it all
  EXPECT_EQ(json["log"]["oldest_created_ms"], test::FakeClock::kStartWallMs);
  EXPECT_EQ(json["slots"]["files"], 1);
  EXPECT_EQ(json["slots"]["bytes"], 1024 * 1024);
}

TEST_F(RecoverStatusTest, EmptyChannelSaysThatNothingWaits) {
  stored_.stop();
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_SAYS(result, "no events; the next one gets sequence 1");
  const auto json = status_json();
  EXPECT_EQ(json["events"]["oldest_put_after_ms"], nullptr);
  EXPECT_EQ(json["events"]["oldest_age_ms_max"], nullptr);
  EXPECT_EQ(json["log"]["waiting_bytes"], 0);
}

TEST_F(RecoverStatusTest, SpareSlotsAreToldFromThoseBeingDeleted) {
  stored_.put_numbered(1);
  stored_.stop();
  std::ofstream(stored_.file(StoredChannel::slot(7))) << std::string(1024 * 1024, '\0');
  std::vector<std::byte> mark(wal::kSegmentDataOffset);
  wal::encode_discard_mark(mark);
  std::ofstream(stored_.file(StoredChannel::slot(8)), std::ios::binary) << as_text(mark);
  std::ofstream(stored_.file(StoredChannel::slot(9))).flush();
  const auto json = status_json();
  EXPECT_EQ(json["slots"]["files"], 4);
  EXPECT_EQ(json["slots"]["spare"], 1);
  EXPECT_EQ(json["slots"]["discarded"], 2);
  EXPECT_SAYS(status(), "1 spare, 0 left alone, 2 being deleted");
}

// The start, or a sink, has met damage and kept a copy: its range is still known afterwards.
TEST_F(RecoverStatusTest, RangesOfEarlierDamageAreNamed) {
  stored_.put_numbered(3);
  stored_.stop();
  std::ofstream(stored_.file("checkpoint/damaged-2-12288.bin")) << std::string(8192, 'x');
  std::ofstream(stored_.file("checkpoint/damaged-1-4096.bin")) << std::string(4096, 'x');
  std::ofstream(stored_.file("checkpoint/damaged-one.bin")) << "not ours";
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 0) << "no damage now";
  EXPECT_SAYS(result, "damaged-2-12288.bin, 8.0 KiB of segment 2 from LSN 12288 on");
  const auto copies = status_json()["damage_copies"];
  ASSERT_EQ(copies.size(), 2U);
  EXPECT_EQ(copies[0]["first_lsn"], 4096);
  EXPECT_EQ(copies[0]["end_lsn"], 8192);
  EXPECT_EQ(copies[1]["segment"], 2);
  EXPECT_EQ(copies[1]["file"], "damaged-2-12288.bin");
}

TEST_F(RecoverStatusTest, CrashedChannelIsNoDamage) {
  stored_.put_numbered(5);
  stored_.take(2);
  stored_.put_numbered(1);  // carries the acknowledgement
  stored_.crash();
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_SAYS(result, "CRASHED");
  EXPECT_SAYS(result, "4 events, sequences 3 to 6");
  EXPECT_SAYS(result, "none found");
  EXPECT_EQ(status_json()["state"], "crashed");
}

TEST_F(RecoverStatusTest, EventsAcknowledgedOutOfOrderAreCounted) {
  stored_.put_numbered(6);
  const auto first = stored_.channel().take(2, std::chrono::milliseconds(0));
  stored_.take(3);
  stored_.put_numbered(1);
  stored_.crash();
  EXPECT_SAYS(status(), "4 events, sequences 1 to 7; 3 in between done with\n");
  EXPECT_EQ(status_json()["events"]["done_between"], 3);
}

TEST_F(RecoverStatusTest, TornTailIsNamedAndIsNoDamage) {
  stored_.put_numbered(3);
  stored_.crash();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(2) + 70);
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_SAYS(result, "2 events, sequences 1 to 2");
  EXPECT_SAYS(result, "nothing acknowledged is lost");
  EXPECT_SAYS(result, "row torn_tail");
  const auto json = status_json();
  EXPECT_EQ(json["has_damage"], false);
  EXPECT_EQ(find_kind(json["findings"], "torn_tail")["row"], "torn_tail");
}

TEST_F(RecoverStatusTest, LossIsNamedExactly) {
  stored_.put_numbered(2);
  stored_.put({"a", "b", "c"});  // sequences 3 to 5, the third block
  stored_.put_numbered(1);
  stored_.crash();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(2) + 70);
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_SAYS(result, "LOST 3 events: sequences 3 to 5 cannot be read");
  EXPECT_SAYS(result, "segment 1, slot-00001.seg, LSN 8192 to 12288");
  EXPECT_SAYS(result, "row corrupt_block");
  EXPECT_SAYS(result, "3 events, sequences 1 to 6; 3 in between lost\n");
  const auto json = status_json();
  EXPECT_EQ(json["has_damage"], true);
  EXPECT_EQ(json["events"]["waiting"], 3);
  EXPECT_EQ(json["events"]["lost_now"], 3);
  const auto lost = find_kind(json["findings"], "lost");
  EXPECT_EQ(lost["first_sequence"], 3);
  EXPECT_EQ(lost["end_sequence"], 6);
  EXPECT_EQ(lost["first_lsn"], 8192);
  EXPECT_EQ(lost["end_lsn"], 12288);
  EXPECT_EQ(lost["lost_events"], 3);
}

TEST_F(RecoverStatusTest, OneDamagedManifestLosesNothing) {
  stored_.put_numbered(3);
  stored_.stop();
  stored_.flip("checkpoint/manifest", checkpoint::kManifestSlotBytes + 20);  // the newer copy
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_SAYS(result, "one of the two copies of the manifest is damaged");
  EXPECT_SAYS(result, "3 events, sequences 1 to 3");
}

TEST_F(RecoverStatusTest, LostManifestIsRebuilt) {
  stored_.put_numbered(3);
  stored_.take(1);
  stored_.stop();
  stored_.remove("checkpoint");
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_SAYS(result, "there is no intact manifest");
  EXPECT_TRUE(contains(result.err, "no manifest in")) << result.err;
  EXPECT_TRUE(contains(result.err, "--checkpoint-dir")) << result.err;
}

TEST_F(RecoverStatusTest, MissingSlotAsksForItsDisk) {
  for (int i = 0; i < 30; ++i) stored_.put({std::string(60'000, 'x')});
  stored_.stop();
  stored_.remove(StoredChannel::slot(1));
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_SAYS(result, "slot-00001.seg is missing, or a part of it: events of segment 1");
  EXPECT_SAYS(result, "is a data disk not mounted?");
}

TEST_F(RecoverStatusTest, ForeignSlotIsLeftAlone) {
  StoredChannel other;
  other.put_numbered(1);
  other.stop();
  stored_.put_numbered(1);
  stored_.stop();
  std::filesystem::copy_file(other.file(StoredChannel::slot(1)),
                             stored_.file(StoredChannel::slot(9)));
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_SAYS(result, "slot-00009.seg belongs to another channel");
  EXPECT_EQ(status_json()["slots"]["left_alone"], 1);
}

TEST_F(RecoverStatusTest, UnidentifiableSlotIsDamage) {
  stored_.put_numbered(1);
  stored_.stop();
  std::ofstream(stored_.file(StoredChannel::slot(9))) << std::string(20'000, 'x');
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_SAYS(result, "slot-00009.seg cannot be identified");
}

TEST_F(RecoverStatusTest, FirstStartThatWasCutOffIsNew) {
  stored_.stop();
  std::ofstream(stored_.file("checkpoint/manifest"), std::ios::trunc) << std::string(8192, '\0');
  std::ofstream(stored_.file(StoredChannel::slot(1)), std::ios::trunc) << std::string(8192, '\0');
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_SAYS(result, "NEW");
}

TEST_F(RecoverStatusTest, NothingIntactIsNotCalledNew) {
  stored_.put_numbered(3);
  stored_.stop();
  for (const std::uint64_t offset : {std::uint64_t{20}, checkpoint::kManifestSlotBytes + 20}) {
    stored_.flip("checkpoint/manifest", offset);
  }
  for (const std::uint64_t offset : {8U, 4104U}) stored_.flip(StoredChannel::slot(1), offset);
  const RunResult result = status();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_SAYS(result, "UNIDENTIFIED");
}

TEST_F(RecoverStatusTest, TimeDoesNotGrowWithTheBacklog) {
  for (int i = 0; i < 100; ++i) stored_.put({std::string(60'000, 'x')});
  ASSERT_TRUE(stored_.channel().checkpoint().has_value());
  stored_.put_numbered(1);
  stored_.crash();
  const auto json = status_json();
  EXPECT_EQ(json["events"]["waiting"], 101);
  EXPECT_GE(json["log"]["segments"].integer(), 6);
  EXPECT_LE(json["log"]["scanned_bytes"].integer(), 1024 * 1024);
}

}  // namespace
}  // namespace spillway::agent::recover
