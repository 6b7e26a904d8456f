// Damage is told from a torn tail by every block that survives, wherever in the log it lies.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/manifest_store.h"
#include "checkpoint/recovery.h"
#include "tests/crash/store_truth.h"
#include "wal/block.h"
#include "wal/segment_header.h"
#include "wal/slot_pool.h"

namespace spillway::test {
namespace {

using checkpoint::Finding;

constexpr std::uint64_t kBlockBytes = wal::kBlockAlignBytes;

// Segments of two blocks with one empty block after another: acknowledgements would look like that.
class HandMadeLog {
 public:
  HandMadeLog() { id_.fill(std::byte{7}); }

  void begin_segment() {
    ++segment_;
    path_ = std::string(kDataPath) + "/" + wal::slot_name(segment_);
    image_.create(path_);
    std::vector<std::byte> front(wal::kSegmentDataOffset);
    wal::encode_segment_header({.channel_id = id_,
                                .number = segment_,
                                .nonce = 1000U + segment_,
                                .first_lsn = lsn_,
                                .first_sequence = 1,
                                .slot_bytes = kSlotBytes,
                                .predecessor_number = segment_ - 1,
                                .predecessor_hash = previous_hash_},
                               front);
    image_.write(path_, 0, front);
    image_.file(path_).size_bytes = kSlotBytes;
    offset_ = wal::kSegmentDataOffset;
  }

  void add_block(std::uint64_t durable_lsn) {
    std::vector<std::byte> bytes(kBlockBytes);
    wal::BlockHeader header{.segment_nonce = 1000U + segment_,
                            .lsn = lsn_,
                            .durable_lsn = durable_lsn,
                            .first_sequence = 1,
                            .previous_hash = previous_hash_};
    wal::seal_block(bytes, header, wal::hash_seed(id_));
    image_.write(path_, offset_, bytes);
    previous_hash_ = header.hash;
    lsn_ += kBlockBytes;
    offset_ += kBlockBytes;
  }

  // The next block will not follow the one before.
  void break_chain() { ++previous_hash_; }

  void damage_first_block() {
    const std::string path = std::string(kDataPath) + "/" + wal::slot_name(1);
    image_.write(path, wal::kSegmentDataOffset + 100, std::vector<std::byte>(1, std::byte{1}));
    image_.write(path, wal::kSegmentDataOffset + 40, std::vector<std::byte>(1, std::byte{9}));
  }

  [[nodiscard]] checkpoint::RecoveredLog recover() const {
    FlatDisk disk(image_);
    const auto directory = disk.open_directory(kDataPath, io::FileSystem::Missing::kFail);
    wal::LogOptions options;
    options.slot_bytes = kSlotBytes;
    options.background = wal::Background::kNone;
    wal::SlotPool slots({directory.value().get()}, options, io::OpenMode::kRead);
    EXPECT_TRUE(slots.open().has_value());
    return checkpoint::recover_log({}, slots, options, {}).value();
  }

  [[nodiscard]] std::uint64_t lsn() const { return lsn_; }

 private:
  static constexpr std::uint64_t kSlotBytes = wal::kSegmentDataOffset + 2 * kBlockBytes;

  DiskImage image_;
  wal::ChannelId id_{};
  wal::SlotId segment_ = 0;
  std::string path_;
  std::uint64_t lsn_ = 0;
  std::uint64_t offset_ = 0;
  std::uint64_t previous_hash_ = 0;
};

bool has(const checkpoint::RecoveredLog& log, Finding::Kind kind) {
  for (const Finding& finding : log.findings) {
    if (finding.kind == kind) return true;
  }
  return false;
}

// Three blocks in flight over the end of a segment: only the one behind them was built when the
// first was durable. Found by tests/spec.
TEST(TailEvidenceTest, LaterBlockOfTheNextSegmentProvesWhatItsFirstCannot) {
  HandMadeLog log;
  log.begin_segment();
  log.add_block(0);
  log.add_block(0);
  log.begin_segment();
  log.add_block(0);
  log.add_block(kBlockBytes);
  log.damage_first_block();
  const auto recovered = log.recover();
  EXPECT_TRUE(has(recovered, Finding::Kind::kLost));
  EXPECT_FALSE(has(recovered, Finding::Kind::kTornTail));
  EXPECT_EQ(recovered.end.lsn.value, log.lsn());
}

TEST(TailEvidenceTest, WithoutProofNothingWasAcknowledged) {
  HandMadeLog log;
  log.begin_segment();
  log.add_block(0);
  log.add_block(0);
  log.begin_segment();
  log.add_block(0);
  log.damage_first_block();
  const auto recovered = log.recover();
  EXPECT_FALSE(has(recovered, Finding::Kind::kLost));
  EXPECT_TRUE(has(recovered, Finding::Kind::kTornTail));
  EXPECT_EQ(recovered.end.lsn.value, 0U);
}

// A block that is whole and in its place is part of the log as far as it is known to be durable: a
// consumer takes it and must not find another count of sequences behind it. Found by libFuzzer.
TEST(TailEvidenceTest, ABrokenChainLosesNothingThatWasDurable) {
  HandMadeLog log;
  log.begin_segment();
  log.add_block(0);
  log.break_chain();
  log.add_block(0);
  log.begin_segment();
  log.add_block(kBlockBytes);
  log.add_block(2 * kBlockBytes);
  const auto recovered = log.recover();
  EXPECT_FALSE(has(recovered, Finding::Kind::kLost));
  EXPECT_FALSE(has(recovered, Finding::Kind::kTornTail));
  EXPECT_EQ(recovered.end.lsn.value, log.lsn());
}

TEST(TailEvidenceTest, ABrokenChainWithoutProofEndsTheLog) {
  HandMadeLog log;
  log.begin_segment();
  log.add_block(0);
  log.break_chain();
  log.add_block(0);
  const auto recovered = log.recover();
  EXPECT_TRUE(has(recovered, Finding::Kind::kTornTail));
  EXPECT_EQ(recovered.end.lsn.value, kBlockBytes);
}

}  // namespace
}  // namespace spillway::test
