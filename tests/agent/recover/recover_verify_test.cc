// `recover verify` finds every kind of damage in everything that is stored, names its exact range,
// and finds nothing in what is sound.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/manifest.h"
#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"

namespace spillway::agent::recover {
namespace {

using test::RunResult;
using test::StoredChannel;

class RecoverVerifyTest : public testing::Test {
 protected:
  RunResult verify(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"verify", stored_.path()});
    return run_recover(arguments);
  }
  test::JsonValue report(std::vector<std::string> arguments = {}) {
    arguments.push_back("--json");
    return json_of(verify(arguments));
  }
  /// Events of 60 000 bytes, 16 to a segment; sequences from 1.
  void fill(int count) {
    for (int i = 0; i < count; ++i) stored_.put({std::string(60'000, 'x')});
  }
  static constexpr std::uint64_t kBigBlock = 61'440;  // that such an event takes

  StoredChannel stored_;
};

TEST_F(RecoverVerifyTest, SoundChannelsAreClean) {
  fill(40);
  stored_.stop();
  const RunResult result = verify();
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_NE(result.out.find("clean: 3 segments, 40 blocks, 40 events, 2.3 MiB read"),
            std::string::npos)
      << result.out;
  EXPECT_EQ(result.err, "");
  const auto json = report();
  EXPECT_EQ(json["is_clean"], true);
  EXPECT_EQ(json["events"], 40);
  EXPECT_EQ(json["bytes"], 40 * kBigBlock);
  EXPECT_EQ(json["problems"].size(), 0U);
}

TEST_F(RecoverVerifyTest, CrashAndTornTailAreClean) {
  stored_.put_numbered(3);
  stored_.crash();
  EXPECT_EQ(verify().exit_code, 0);
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(2) + 70);
  const RunResult result = verify();
  EXPECT_EQ(result.exit_code, 0) << result.out;
  EXPECT_NE(result.out.find("unfinished writes at the end are left out"), std::string::npos);
}

TEST_F(RecoverVerifyTest, SeveralStartsAreClean) {
  for (int round = 0; round < 3; ++round) {
    fill(20);
    stored_.take(5);
    stored_.crash();
    EXPECT_EQ(verify().exit_code, 0) << verify().out;
    ASSERT_TRUE(stored_.channel().start().has_value());
  }
}

TEST_F(RecoverVerifyTest, EmptyChannelIsClean) {
  stored_.stop();
  EXPECT_EQ(verify().exit_code, 0);
}

TEST_F(RecoverVerifyTest, DamagedBlockIsNamedExactly) {
  fill(40);
  stored_.stop();
  stored_.flip(StoredChannel::slot(2), wal::kSegmentDataOffset + kBigBlock + 30'000);
  const RunResult result = verify();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("slot-00002.seg, segment 2, LSN 1044480 to 1105920, sequence 18: "
                            "LOST 1 event"),
            std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find("DAMAGED: 3 segments, 39 blocks, 39 events"), std::string::npos);
  const auto json = report();
  EXPECT_EQ(json["lost_events"], 1);
  ASSERT_EQ(json["problems"].size(), 1U) << json.dump();
  const auto problem = find_kind(json["problems"], "damaged_blocks");
  EXPECT_EQ(problem["segment"], 2);
  EXPECT_EQ(problem["slot"], "slot-00002.seg");
  EXPECT_EQ(problem["first_lsn"], 17 * kBigBlock);
  EXPECT_EQ(problem["end_lsn"], 18 * kBigBlock);
  EXPECT_EQ(problem["first_sequence"], 18);
  EXPECT_EQ(problem["end_sequence"], 19);
}

TEST_F(RecoverVerifyTest, DamageInTheTailIsCountedOnce) {
  stored_.put_numbered(4);
  stored_.crash();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(1) + 70);
  const auto json = report();
  EXPECT_EQ(json["lost_events"], 1) << json.dump();
  EXPECT_EQ(json["problems"].size(), 1U);
  EXPECT_EQ(find_kind(json["findings"], "lost")["row"], "corrupt_block");
}

TEST_F(RecoverVerifyTest, DamageThatLosesNothingIsStillDamage) {
  fill(20);
  stored_.take(2);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), wal::kSegmentDataOffset + 100);
  const RunResult result = verify();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("sequence 1: delivered before, nothing is lost"), std::string::npos)
      << result.out;
  EXPECT_EQ(report()["lost_events"], 0);
}

TEST_F(RecoverVerifyTest, ZeroedBlocksAreTold) {
  stored_.put_numbered(4);
  stored_.stop();
  stored_.overwrite(StoredChannel::slot(1), StoredChannel::block_offset(1),
                    std::string(8192, '\0'));
  const auto problem = find_kind(report()["problems"], "blank_blocks");
  EXPECT_EQ(problem["first_sequence"], 2);
  EXPECT_EQ(problem["end_sequence"], 4);
}

TEST_F(RecoverVerifyTest, BrokenChainIsTold) {
  stored_.put_numbered(3);
  stored_.stop();
  // Sound by its own checksum, but not the block that the next one follows.
  const std::uint64_t offset = StoredChannel::block_offset(1);
  std::string block = stored_.read(StoredChannel::slot(1)).substr(offset, wal::kBlockAlignBytes);
  block[block.find("e2") + 1] = '9';
  stored_.overwrite(StoredChannel::slot(1), offset, stored_.with_right_hash(block));
  const RunResult result = verify();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find("sequence 3: delivered all the same"), std::string::npos) << result.out;
  find_kind(report()["problems"], "broken_chain");
}

TEST_F(RecoverVerifyTest, MisplacedBlockIsTold) {
  stored_.put_numbered(3);
  stored_.stop();
  const std::uint64_t offset = StoredChannel::block_offset(1);
  std::string block = stored_.read(StoredChannel::slot(1)).substr(offset, wal::kBlockAlignBytes);
  block[32] = 1;  // first_sequence
  stored_.overwrite(StoredChannel::slot(1), offset, stored_.with_right_hash(block));
  const auto problem = find_kind(report()["problems"], "misplaced_blocks");
  EXPECT_EQ(problem["first_sequence"], 2);
  EXPECT_EQ(problem["lost_events"], 1);
}

TEST_F(RecoverVerifyTest, BothCopiesOfASegmentHeaderAreChecked) {
  fill(20);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), 4096 + 8);
  EXPECT_EQ(find_kind(report()["problems"], "segment_header")["words"],
            "copy 2 of the segment header is damaged");
  stored_.flip(StoredChannel::slot(1), 8);
  const auto json = report();
  EXPECT_EQ(json["problems"].size(), 2U) << json.dump();
  EXPECT_EQ(json["lost_events"], 0);  // the manifest knows what the header said
}

TEST_F(RecoverVerifyTest, BothCopiesOfTheManifestAreChecked) {
  stored_.put_numbered(1);
  stored_.stop();
  stored_.flip("checkpoint/manifest", 20);
  EXPECT_EQ(find_kind(report()["problems"], "manifest")["words"],
            "copy 1 of the manifest is damaged");
  stored_.overwrite("checkpoint/manifest", 0, std::string(4096, '\0'));
  EXPECT_EQ(find_kind(report()["problems"], "manifest")["words"],
            "one copy of the manifest has been erased");
  stored_.remove("checkpoint/manifest");
  EXPECT_EQ(find_kind(report()["problems"], "manifest")["words"], "there is no manifest");
}

TEST_F(RecoverVerifyTest, MissingAndCutSlotsAreTold) {
  fill(40);
  stored_.stop();
  stored_.truncate(StoredChannel::slot(1), wal::kSegmentDataOffset + 10 * kBigBlock);
  stored_.remove(StoredChannel::slot(2));
  const auto json = report();
  const auto cut = find_kind(json["problems"], "blank_blocks");
  EXPECT_EQ(cut["first_sequence"], 11);
  EXPECT_EQ(cut["end_sequence"], 17);
  find_kind(json["problems"], "slot_short");
  const auto missing = find_kind(json["problems"], "slot_missing");
  EXPECT_EQ(missing["first_sequence"], 17);
  EXPECT_EQ(missing["end_sequence"], 33);
  EXPECT_EQ(json["lost_events"], 6 + 16);
}

TEST_F(RecoverVerifyTest, ThreadsFindTheSame) {
  fill(100);
  stored_.stop();
  for (const wal::SlotId slot : {1U, 3U, 5U}) {
    stored_.flip(StoredChannel::slot(slot), wal::kSegmentDataOffset + 5 * kBigBlock + 100);
  }
  const auto one = report({"--threads", "1"});
  const auto many = report({"--threads", "8"});
  EXPECT_EQ(one.keys(), many.keys());
  for (const std::string& key : one.keys()) {
    if (key == "seconds") continue;
    EXPECT_EQ(one[key], many[key]) << key;
  }
  EXPECT_EQ(one["lost_events"], 3);
  EXPECT_EQ(verify({"--threads", "0"}).exit_code, 2);
}

TEST_F(RecoverVerifyTest, EveryPartIsCovered) {
  stored_.put_numbered(3);
  stored_.stop();
  // Ends of both headers, all through the header of one block, and into every payload.
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t copy = 0; copy < 2; ++copy) {
    offsets.push_back(copy * 4096);
    offsets.push_back(copy * 4096 + wal::kSegmentHeaderBytes - 1);
  }
  for (std::uint64_t i = 0; i < wal::kBlockHeaderBytes; i += 5) {
    offsets.push_back(StoredChannel::block_offset(1) + i);
  }
  for (std::uint64_t i = 0; i < 3; ++i) offsets.push_back(StoredChannel::block_offset(i) + 66);
  for (const std::uint64_t offset : offsets) {
    stored_.flip(StoredChannel::slot(1), offset);
    EXPECT_EQ(verify().exit_code, 1) << offset;
    stored_.flip(StoredChannel::slot(1), offset);
  }
  EXPECT_EQ(verify().exit_code, 0);
}

}  // namespace
}  // namespace spillway::agent::recover
