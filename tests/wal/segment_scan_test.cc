// A scan returns every sound block of a segment, every damaged range exactly once, and why.
#include "wal/segment_scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "wal/base/wire.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/posix_file_system.h"
#include "wal/log_writer.h"

namespace spillway::wal {
namespace {

class Silent final : public DurableListener {
  void on_durable(Sequence) override {}
};

constexpr ChannelId kId{std::byte{1}};

/// One segment with kBlocks blocks of one entry and 4 KiB each.
class SegmentScanTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kBlocks = 5;

  void SetUp() override {
    options_.slot_bytes = 256 * kKiB;
    options_.block_bytes_max = 64 * kKiB;
    options_.background = Background::kNone;
    auto opened = file_system_.open_directory(dir_.path(), io::FileSystem::Missing::kFail);
    directory_ = std::move(opened.value());
    slots_ = std::make_unique<SlotPool>(std::vector{directory_.get()}, options_);
    ASSERT_TRUE(slots_->open().has_value());
    slots_->start({});
    LogWriter writer({kId, options_, *slots_, segments_, cache_}, listener_, clock_);
    ASSERT_TRUE(writer.open({}, {}, {1}).has_value());
    std::array<std::byte, 3> entry{};
    wire::write_field(entry.data(), 1, ByteSpan(entry).first(1));
    for (std::uint64_t i = 0; i < kBlocks; ++i) {
      const auto ticket = writer.append(entry, 1);
      ASSERT_TRUE(ticket.has_value());
      ASSERT_TRUE(writer.wait_durable(ticket.value()).has_value());
    }
    ASSERT_TRUE(writer.close().has_value());
  }

  void erase(std::uint64_t block, std::uint64_t count = 1) {
    const io::AlignedBuffer buffer(count * kBlockAlignBytes);
    const auto file = slots_->file(1).value();
    const std::uint64_t offset = kSegmentDataOffset + block * kBlockAlignBytes;
    ASSERT_TRUE(file->write_at(offset, buffer.span(), io::Durability::kNone).has_value());
  }

  /// "0 1 [2,3) damaged 3 4": first sequences of blocks, less 1, and ranges of blocks.
  std::string scan(std::optional<std::uint64_t> previous_hash = 0) {
    SegmentScan scan(kId, options_, *slots_, segments_.snapshot().front(), previous_hash);
    std::string seen;
    while (true) {
      const auto read = scan.next();
      if (!read.has_value()) return to_string(read.error());
      const SegmentScan::Step& step = read.value();
      if (!step.block && !step.lost) return seen;
      if (!seen.empty()) seen += ' ';
      if (step.block) seen += std::to_string(step.block->header.first_sequence - 1);
      if (step.lost) {
        EXPECT_EQ(step.lost->entries.first.value - 1,
                  step.lost->first_lsn.value / kBlockAlignBytes);
        seen += "[" + std::to_string(step.lost->first_lsn.value / kBlockAlignBytes) + "," +
                std::to_string(step.lost->end_lsn.value / kBlockAlignBytes) + ")";
      }
      if (step.fault != BlockFault::kNone) seen += " " + std::string(fault_name(step.fault));
    }
  }

  const test::TempDir dir_;
  io::PosixFileSystem file_system_;
  test::FakeClock clock_;
  LogOptions options_;
  Silent listener_;
  SegmentTable segments_;
  BlockCache cache_{0};
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<SlotPool> slots_;
};

TEST(BlockFaultTest, EachHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int fault = 0; fault <= static_cast<int>(BlockFault::kUnchained); ++fault) {
    names.insert(fault_name(static_cast<BlockFault>(fault)));
  }
  EXPECT_THAT(names, testing::UnorderedElementsAre("none", "missing", "blank", "damaged",
                                                   "unreadable", "misplaced", "unchained"));
}

TEST_F(SegmentScanTest, SoundSegmentIsReadWhole) {
  EXPECT_EQ(scan(), "0 1 2 3 4");
  EXPECT_EQ(scan(std::nullopt), "0 1 2 3 4");
}

TEST_F(SegmentScanTest, DamageIsOneRangeWithItsReason) {
  erase(1, 2);
  EXPECT_EQ(scan(), "0 [1,3) blank 3 4");
}

TEST_F(SegmentScanTest, DamageAtBothEndsIsFound) {
  erase(0);
  erase(4);
  EXPECT_EQ(scan(), "[0,1) blank 1 2 3 [4,5) blank");
}

TEST_F(SegmentScanTest, WrongPredecessorIsTold) {
  EXPECT_EQ(scan(17), "0 unchained 1 2 3 4");
}

TEST_F(SegmentScanTest, WrongChecksumIsDamage) {
  const auto file = slots_->file(1).value();
  io::AlignedBuffer block(kBlockAlignBytes);
  const std::uint64_t offset = kSegmentDataOffset + 2 * kBlockAlignBytes;
  ASSERT_TRUE(file->read_at(offset, block.span()).has_value());
  block.data()[kBlockHeaderBytes] ^= std::byte{1};
  ASSERT_TRUE(file->write_at(offset, block.span(), io::Durability::kNone).has_value());
  EXPECT_EQ(scan(), "0 1 [2,3) damaged 3 4");
}

TEST_F(SegmentScanTest, MissingFileIsAllLost) {
  directory_ = std::move(
      file_system_.open_directory(dir_.file("none"), io::FileSystem::Missing::kCreate).value());
  const auto before = std::move(slots_);
  slots_ = std::make_unique<SlotPool>(std::vector{directory_.get()}, options_, io::OpenMode::kRead);
  ASSERT_TRUE(slots_->open().has_value());
  EXPECT_EQ(scan(), "[0,5) missing");
}

}  // namespace
}  // namespace spillway::wal
