// With a key, nothing that was put appears in clear in any file, everything is read back with the
// key and nothing without it, damage is still told by the hash alone, and no pair of segment key
// and address is ever used for two contents.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "tests/support/disk_errors.h"
#include "tests/wal/log_fixture.h"
#include "wal/key_ring.h"
#include "wal/segment_header.h"
#include "wal/segment_scan.h"

namespace spillway::wal {
namespace {

using test::kBroken;
using test::kFull;
using test::SimCall;
using test::SimCallKind;
using test::SimDisk;

std::shared_ptr<KeyRing> ring_of(std::string_view alias, int fill) {
  auto ring = std::make_shared<KeyRing>();
  const std::vector<std::byte> secret(kMasterKeyBytesMax, static_cast<std::byte>(fill));
  EXPECT_TRUE(ring->add(std::string(alias), secret).has_value());
  EXPECT_TRUE(ring->set_active(alias).has_value());
  return ring;
}

class LogEncryptionTest : public LogTest {
 protected:
  LogEncryptionTest() { options.keys = ring_of("k1", 0x5A); }

  [[nodiscard]] bool is_on_disk(std::string_view text) const {
    for (const std::string& path : disk.paths()) {
      const std::vector<std::byte> bytes = disk.contents(path);
      if (as_text(bytes).find(text) != std::string_view::npos) return true;
    }
    return false;
  }

  // Blocks on the disk by (nonce of the segment, address): the hash tells the content.
  void note_blocks() {
    for (const std::string& path : disk.paths()) {
      const std::vector<std::byte> bytes = disk.contents(path);
      for (std::size_t at = kSegmentDataOffset; at + kBlockHeaderBytes <= bytes.size();
           at += kBlockAlignBytes) {
        const auto header = load_le<BlockHeader>(bytes.data() + at);
        if (header.magic != kBlockMagic) continue;
        EXPECT_NE(header.flags & kEncryptedFlag, 0);
        const auto [known, is_new] =
            hashes.emplace(std::pair(header.segment_nonce, header.lsn), header.hash);
        EXPECT_EQ(known->second, header.hash) << "LSN " << header.lsn << " was written twice";
      }
    }
  }

  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> hashes;
};

TEST_F(LogEncryptionTest, NothingIsStoredInClear) {
  open();
  for (int i = 0; i < 30; ++i) put_numbered(20);
  EXPECT_TRUE(put(std::vector<std::string>(40, std::string(1000, 'q'))).has_value()) << "split";
  EXPECT_FALSE(is_on_disk("entry"));
  EXPECT_FALSE(is_on_disk("...."));
  EXPECT_FALSE(is_on_disk("qqqq"));
}

TEST_F(LogEncryptionTest, EverythingIsReadBackFromDiskAndFromMemory) {
  open();
  LogReader from_cache = new_reader(*cache);
  from_cache.seek({0}, {1});
  for (std::size_t i = 1; i < 60; ++i) put_numbered(i, 60);
  writer->append_ack({.first = {1}, .end = {5}});
  ASSERT_TRUE(writer->flush().has_value());
  EXPECT_GT(segments.size(), 1U);
  expect_all_stored();
  EXPECT_EQ(read_to(from_cache, writer->durable_end()).entries, expected);
  EXPECT_GT(cache->hits.value(), 0U);
}

TEST_F(LogEncryptionTest, LargestBlocksLeaveRoomForTheTag) {
  open();
  for (std::size_t bytes = 15 * kKiB; bytes < 16 * kKiB + 64; bytes += 13) {
    const std::string entry(bytes, 'x');
    ASSERT_TRUE(put({entry}).has_value()) << bytes;
    expected.push_back(entry);
    writer->append_ack({.first = {expected.size()}, .end = {expected.size() + 1}});
  }
  expect_all_stored();
}

TEST_F(LogEncryptionTest, WithoutTheKeyBlocksAreWholeAndLocked) {
  open();
  put_numbered(10);
  put_numbered(10);
  for (const auto& keys : {std::shared_ptr<KeyRing>(), ring_of("k1", 0x5B)}) {
    options.keys = keys;
    BlockCache empty(0);
    LogReader reader = new_reader(empty);
    reader.seek({0}, {1});
    std::size_t blocks = 0;
    while (true) {
      const auto step = reader.next(writer->durable_end());
      ASSERT_TRUE(step.has_value());
      EXPECT_FALSE(step.value().lost.has_value()) << "no key is no damage";
      if (!step.value().block) break;
      EXPECT_TRUE(step.value().block->is_locked);
      EXPECT_TRUE(step.value().block->payload.empty());
      ++blocks;
    }
    EXPECT_EQ(blocks, 2U);
    EXPECT_EQ(reader.sequence().value, 21U);
  }
}

TEST_F(LogEncryptionTest, EveryFlippedBitIsDamageWithAndWithoutTheKey) {
  open();
  put_numbered(3, 10);
  put_numbered(3, 10);
  const Segment segment = segments.snapshot().front();
  const std::string path = slot_path(segment);
  const auto header =
      load_le<BlockHeader>(disk.contents(path).data() + segment.offset_of(segment.first_lsn));
  const auto keys = options.keys;
  for (std::size_t at = 0; at < kBlockHeaderBytes + header.payload_bytes; ++at) {
    const auto flip = [&](MutableByteSpan bytes) {
      bytes[0] ^= static_cast<std::byte>(1U << (at % 8));
    };
    disk.corrupt(path, kSegmentDataOffset + at, 1, flip);
    for (const bool has_key : {true, false}) {
      options.keys = has_key ? keys : nullptr;
      const LogContents contents = stored();
      ASSERT_EQ(contents.lost.size(), 1U) << at;
      EXPECT_EQ(contents.lost.front().entries, (SequenceRange{{1}, {4}})) << at;
    }
    disk.corrupt(path, kSegmentDataOffset + at, 1, flip);
  }
  options.keys = keys;
  expect_all_stored();
}

TEST_F(LogEncryptionTest, ForgedBlockWithARightHashIsDamage) {
  open();
  put_numbered(3, 10);
  put_numbered(3, 10);
  const Segment segment = segments.snapshot().front();
  disk.corrupt(slot_path(segment), kSegmentDataOffset, kBlockAlignBytes,
               [&](MutableByteSpan bytes) {
                 bytes[kBlockHeaderBytes] ^= std::byte{1};
                 auto header = load_le<BlockHeader>(bytes.data());
                 seal_block(bytes, header, hash_seed(channel_id));
               });
  const LogContents contents = stored();
  ASSERT_EQ(contents.lost.size(), 1U);
  EXPECT_EQ(contents.lost.front().entries, (SequenceRange{{1}, {4}}));
}

TEST_F(LogEncryptionTest, PlainBlockInAnEncryptedSegmentIsDamage) {
  open();
  put_numbered(3, 10);
  put_numbered(3, 10);
  const Segment segment = segments.snapshot().front();
  disk.corrupt(slot_path(segment), kSegmentDataOffset, kBlockAlignBytes,
               [&](MutableByteSpan bytes) {
                 auto header = load_le<BlockHeader>(bytes.data());
                 header.flags = 0;
                 header.payload_bytes = 0;
                 header.entry_count = 0;
                 seal_block(bytes, header, hash_seed(channel_id));
               });
  EXPECT_EQ(stored().lost.size(), 1U);
}

TEST_F(LogEncryptionTest, NoAddressOfASegmentIsWrittenTwice) {
  open();
  Random random(11);
  for (int round = 0; round < 400; ++round) {
    const bool will_fail = random.one_in(6);
    if (will_fail) {
      const auto kind = random.below(3);
      auto countdown = std::make_shared<std::uint64_t>(random.between(1, 4));
      disk.fail_when(
          [kind, countdown](const SimCall& call) {
            const bool is_write =
                call.kind == SimCallKind::kWrite || call.kind == SimCallKind::kSubmit;
            const bool is_header = call.size_bytes == kSegmentDataOffset && call.offset == 0;
            if (!is_write || (kind == 0 && !is_header)) return false;
            return --*countdown == 0;
          },
          random.one_in(2) ? kFull : kBroken, SimDisk::Repeat::kOnce);
    }
    static_cast<void>(put(std::vector<std::string>(random.between(1, 12),
                                                   std::string(random.between(1, 4000), 'x'))));
    disk.clear_faults();
    note_blocks();
    ASSERT_FALSE(writer->poison().has_value());
    if (!random.one_in(5)) continue;
    // What a checkpoint does: slots are used again, by segments of another nonce.
    for (const Segment& drained : remove_drained(writer->durable_end().next_sequence)) {
      slots->release(drained.slot);
    }
  }
  EXPECT_GT(hashes.size(), 400U);
  EXPECT_LT(disk.paths().size(), 40U) << "slots were used again";
}

TEST_F(LogEncryptionTest, ReopenedLogGoesOnInANewSegment) {
  open();
  put_numbered(3);
  const auto first = segments.snapshot();
  ASSERT_TRUE(writer->close().has_value());
  const LogEnd end = writer->durable_end();
  writer = std::make_unique<LogWriter>(LogParts{channel_id, options, *slots, segments, *cache},
                                       listener, clock);
  ASSERT_TRUE(writer->open(end, segments.snapshot().back(), {1}).has_value());
  put_numbered(3);
  EXPECT_EQ(segments.size(), first.size() + 1);
  expect_all_stored();
}

TEST_F(LogEncryptionTest, SwitchedOnInTheMiddleItBeginsWithANewSegment) {
  const auto keys = options.keys;
  options.keys = nullptr;
  open();
  put_numbered(3);
  ASSERT_TRUE(writer->close().has_value());
  const LogEnd end = writer->durable_end();
  options.keys = keys;
  writer = std::make_unique<LogWriter>(LogParts{channel_id, options, *slots, segments, *cache},
                                       listener, clock);
  ASSERT_TRUE(writer->open(end, segments.snapshot().back(), {1}).has_value());
  put_numbered(3);
  ASSERT_EQ(segments.size(), 2U);
  EXPECT_EQ(segments.snapshot()[0].key_id, 0U);
  EXPECT_EQ(segments.snapshot()[1].key_id, keys->active()->id());
  EXPECT_EQ(decode_key_alias(disk.contents(slot_path(segments.snapshot()[1]))), "k1");
  expect_all_stored();
}

}  // namespace
}  // namespace spillway::wal
