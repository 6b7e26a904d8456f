#include "tests/crash/store_truth.h"

#include <algorithm>
#include <utility>

#include "tests/support/sim_bytes.h"
#include "wal/base/check.h"
#include "wal/block_payload.h"
#include "wal/segment_header.h"
#include "wal/slot_pool.h"

namespace spillway::test {
namespace {

using checkpoint::Manifest;
using wal::Segment;

std::string slot_path(const Segment& segment) {
  return std::string(kDataPath) + "/" + wal::slot_name(segment.slot);
}

std::vector<wal::SequenceRange> acks_in(ByteSpan payload) {
  std::vector<wal::SequenceRange> acks;
  wal::PayloadReader records(payload);
  while (const auto record = records.next()) {
    if (record->kind == wal::PayloadReader::Record::Kind::kAck) acks.push_back(record->ack);
  }
  return acks;
}

bool is_acked(const checkpoint::AckState& acks, std::uint64_t sequence) {
  return acks.first_pending({.first = {sequence}, .end = {sequence + 1}}).is_empty();
}

}  // namespace

StoreTruth::StoreTruth(DiskImage pristine, const std::vector<Segment>& live,
                       const wal::ChannelId& channel_id)
    : pristine_(std::move(pristine)), segments_(live), channel_id_(channel_id) {
  const std::uint64_t seed = wal::hash_seed(channel_id_);
  std::uint64_t chain = 0;
  wal::Lsn chain_end;
  for (const Segment& segment : segments_) {
    const std::string path = slot_path(segment);
    for (wal::Lsn at = segment.first_lsn; at < segment.end_lsn;) {
      TruthBlock block{
          .segment = segment.number.value, .path = path, .offset = segment.offset_of(at)};
      const auto head = pristine_.read(path, block.offset, wal::kBlockHeaderBytes);
      block.header = load_le<wal::BlockHeader>(head.data());
      const auto bytes = pristine_.read(path, block.offset, block.disk_bytes());
      // A store whose own blocks are not sound would prove nothing.
      CHECK(block.header.lsn == at.value);
      CHECK(wal::is_block_intact(bytes, block.header, seed));
      // Segments in between may have been reclaimed.
      CHECK(at != chain_end || blocks_.empty() || block.header.previous_hash == chain);
      chain = block.header.hash;
      const std::size_t hashed = wal::kBlockHeaderBytes + block.header.payload_bytes;
      block.hashed = {bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(hashed)};
      block.acks = acks_in(ByteSpan(block.hashed).subspan(wal::kBlockHeaderBytes));
      at += block.disk_bytes();
      chain_end = at;
      blocks_.push_back(std::move(block));
    }
  }
}

std::size_t StoreTruth::newest_manifest_slot() const {
  const auto generation = [this](std::size_t slot) {
    const auto bytes = pristine_.read(kManifestPath, slot * checkpoint::kManifestSlotBytes, 16);
    return load_le<std::uint64_t>(bytes.data() + 8);
  };
  return generation(0) > generation(1) ? 0 : 1;
}

std::optional<Manifest> StoreTruth::best_manifest(const DiskImage& image) const {
  std::optional<Manifest> best;
  if (!image.has(kManifestPath)) return best;
  for (std::size_t slot = 0; slot < checkpoint::kManifestSlotCount; ++slot) {
    const std::uint64_t begin = slot * checkpoint::kManifestSlotBytes;
    if (!image.is_readable(kManifestPath, begin, begin + checkpoint::kManifestSlotBytes)) continue;
    auto one = checkpoint::decode_manifest(
        image.read(kManifestPath, begin, checkpoint::kManifestSlotBytes));
    if (one && (!best || best->generation < one->generation)) best = std::move(one);
  }
  return best;
}

bool StoreTruth::is_identifiable(const Segment& segment, const DiskImage& image,
                                 const Manifest* manifest) const {
  const std::string path = slot_path(segment);
  if (!image.has(path)) return false;
  if (manifest != nullptr) {
    for (const Segment& listed : manifest->segments) {
      if (listed.number == segment.number && listed.slot == segment.slot) return true;
    }
  }
  for (std::size_t copy = 0; copy < wal::kSegmentHeaderCopies; ++copy) {
    const std::uint64_t at = copy * wal::kBlockAlignBytes;
    // The engine reads whole device blocks of a direct file.
    if (!image.is_readable(path, at, at + wal::kBlockAlignBytes)) continue;
    if (image.size_bytes(path) < at + wal::kSegmentHeaderBytes) continue;
    if (image.read(path, at, wal::kSegmentHeaderBytes) ==
        pristine_.read(path, at, wal::kSegmentHeaderBytes)) {
      return true;
    }
  }
  return false;
}

bool StoreTruth::is_alive(const TruthBlock& block, const DiskImage& image) {
  const std::uint64_t end = block.offset + block.disk_bytes();
  // Blocks are written whole: one that is cut off in its padding was not, and counts as damaged.
  if (image.size_bytes(block.path) < end) return false;
  if (!image.is_readable(block.path, block.offset, end)) return false;
  return image.read(block.path, block.offset, block.hashed.size()) == block.hashed;
}

std::uint64_t StoreTruth::acked_below(const Segment& segment) const {
  const auto bytes = pristine_.read(slot_path(segment), 0, wal::kSegmentHeaderBytes);
  return load_le<wal::SegmentHeader>(bytes.data()).acked_below;
}

// Where the log ends for lack of proof: at the first dead block that nothing proves, or where its
// transaction began.
std::uint64_t StoreTruth::cut_of(const std::vector<bool>& alive, std::uint64_t proven) const {
  std::uint64_t transaction = 0;
  bool is_continued = false;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const wal::BlockHeader& header = blocks_[i].header;
    if (!is_continued) transaction = header.lsn;
    is_continued = alive[i] && (header.flags & wal::kMorePutFlag) != 0;
    if (!alive[i] && header.lsn >= proven) return transaction;
  }
  return UINT64_MAX;
}

Expectation StoreTruth::expect(const DiskImage& damaged) const {
  const auto manifest = best_manifest(damaged);
  const Manifest* known = manifest ? &*manifest : nullptr;
  std::map<std::uint64_t, bool> identifiable;
  for (const Segment& segment : segments_) {
    identifiable[segment.number.value] = is_identifiable(segment, damaged, known);
  }
  std::uint64_t proven = known == nullptr ? 0 : known->end.lsn.value;
  std::vector<bool> alive;
  for (const TruthBlock& block : blocks_) {
    alive.push_back(identifiable[block.segment] && is_alive(block, damaged));
    if (alive.back()) proven = std::max(proven, block.header.durable_lsn);
  }
  const std::uint64_t cut = cut_of(alive, proven);

  checkpoint::AckState acks;
  if (known != nullptr) acks = known->acks;
  for (const Segment& segment : segments_) {
    if (known == nullptr && identifiable[segment.number.value]) {
      acks.add({.first = {1}, .end = {acked_below(segment)}});
    }
  }
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const bool is_scanned = known == nullptr || blocks_[i].header.lsn >= known->end.lsn.value;
    if (!alive[i] || !is_scanned || blocks_[i].header.lsn >= cut) continue;
    for (const wal::SequenceRange& range : blocks_[i].acks) acks.add(range);
  }

  Expectation expected;
  expected.may_repeat = known == nullptr;
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    Sequences all;
    blocks_[i].add_sequences(all);
    for (const std::uint64_t sequence : all) {
      if (blocks_[i].header.lsn >= cut) {
        expected.unprovable.insert(sequence);
      } else if (alive[i] && expected.may_repeat && is_acked(acks, sequence)) {
        expected.may_come_again.insert(sequence);
      } else if (!is_acked(acks, sequence)) {
        (alive[i] ? expected.delivered : expected.lost).insert(sequence);
      }
    }
  }
  return expected;
}

}  // namespace spillway::test
