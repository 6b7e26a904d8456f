#include "checkpoint/manifest.h"

#include <algorithm>
#include <set>

#include "checkpoint/manifest.pb.h"
#include "wal/base/check.h"
#include "wal/base/hash.h"
#include "wal/segment_header.h"

namespace spillway::checkpoint {
namespace {

constexpr std::size_t kHashedBytes = offsetof(ManifestHeader, hash);

std::uint64_t slot_hash(ByteSpan slot, std::size_t payload_bytes) {
  return xxh3_64(slot.first(kHashedBytes), slot.subspan(kManifestHeaderBytes, payload_bytes), 0);
}

pb::Manifest to_message(const Manifest& manifest) {
  pb::Manifest message;
  message.set_end_lsn(manifest.end.lsn.value);
  message.set_next_sequence(manifest.end.next_sequence.value);
  message.set_chain_hash(manifest.end.chain_hash);
  message.set_last_segment(manifest.end.last_segment.value);
  message.set_is_clean(manifest.is_clean);
  message.set_acked_below(manifest.acks.below().value);
  for (const wal::SequenceRange& range : manifest.acks.ranges()) {
    pb::Range* acked = message.add_acked();
    acked->set_first(range.first.value);
    acked->set_count(range.count());
  }
  message.set_read_lsn(manifest.read_lsn.value);
  message.set_read_sequence(manifest.read_sequence.value);
  for (const wal::Segment& segment : manifest.segments) {
    pb::Segment* row = message.add_segment();
    row->set_number(segment.number.value);
    row->set_slot(segment.slot);
    row->set_nonce(segment.nonce);
    row->set_slot_bytes(segment.slot_bytes);
    row->set_first_lsn(segment.first_lsn.value);
    row->set_first_sequence(segment.first_sequence.value);
    row->set_end_lsn(segment.end_lsn.value);
    row->set_end_sequence(segment.end_sequence.value);
    row->set_key_id(segment.key_id);
  }
  message.set_lost_entries(manifest.lost_entries);
  for (const wal::Bookmark& bookmark : manifest.bookmarks.all()) {
    pb::Bookmark* row = message.add_bookmark();
    row->set_key(bookmark.key);
    row->set_value(bookmark.value);
  }
  return message;
}

bool is_aligned(wal::Lsn lsn) {
  return lsn.value % wal::kBlockAlignBytes == 0;
}

bool has_shared_slot(const std::vector<wal::Segment>& segments) {
  std::set<wal::SlotId> slots;
  return std::any_of(segments.begin(), segments.end(),
                     [&](const wal::Segment& s) { return !slots.insert(s.slot).second; });
}

// The next manifest has the next generation; sequences begin at 1.
bool is_possible(const ManifestHeader& header, const pb::Manifest& message) {
  return header.generation < wal::kPositionEnd && message.end_lsn() < wal::kPositionEnd &&
         message.next_sequence() < wal::kPositionEnd && message.acked_below() >= 1 &&
         message.last_segment() < wal::kPositionEnd && message.read_lsn() < wal::kPositionEnd &&
         message.read_sequence() < wal::kPositionEnd &&
         message.acked_below() <= message.next_sequence();
}

// False for numbers that contradict each other: the hash was right, so a program with a bug, or
// an enemy, wrote them.
bool read_segments(const pb::Manifest& message, Manifest& manifest) {
  for (const pb::Segment& row : message.segment()) {
    const wal::Segment segment{.number = {row.number()},
                               .slot = row.slot(),
                               .nonce = row.nonce(),
                               .slot_bytes = row.slot_bytes(),
                               .first_lsn = {row.first_lsn()},
                               .first_sequence = {row.first_sequence()},
                               .end_lsn = {row.end_lsn()},
                               .end_sequence = {row.end_sequence()},
                               .key_id = row.key_id(),
                               .is_sealed = true};
    if (!segment.is_possible()) return false;
    if (!manifest.segments.empty()) {
      const wal::Segment& before = manifest.segments.back();
      if (before.number >= segment.number || before.end_lsn > segment.first_lsn ||
          before.end_sequence > segment.first_sequence) {
        return false;
      }
    }
    manifest.segments.push_back(segment);
  }
  // A segment goes when its entries are acknowledged, the last one with them.
  if (manifest.segments.empty()) return manifest.acks.below() == manifest.end.next_sequence;
  if (has_shared_slot(manifest.segments)) return false;
  wal::Segment& last = manifest.segments.back();
  last.is_sealed = false;
  // Only of the last one: where whole segments were lost, the one before reaches over the gap.
  if (last.end_lsn > last.limit_lsn()) return false;
  return last.number <= manifest.end.last_segment && last.end_lsn == manifest.end.lsn &&
         last.end_sequence == manifest.end.next_sequence;
}

}  // namespace

std::optional<std::size_t> encode_manifest(const Manifest& manifest, MutableByteSpan slot) {
  CHECK(slot.size() == kManifestSlotBytes);
  const pb::Manifest message = to_message(manifest);
  const std::size_t payload_bytes = message.ByteSizeLong();
  if (kManifestHeaderBytes + payload_bytes > slot.size()) return std::nullopt;

  const std::size_t size = align_up(kManifestHeaderBytes + payload_bytes, wal::kBlockAlignBytes);
  std::fill(slot.begin(), slot.begin() + static_cast<std::ptrdiff_t>(size), std::byte{0});
  CHECK(message.SerializeToArray(slot.data() + kManifestHeaderBytes,
                                 static_cast<int>(payload_bytes)));
  ManifestHeader header{.generation = manifest.generation,
                        .payload_bytes = static_cast<std::uint32_t>(payload_bytes),
                        .channel_id = manifest.channel_id};
  const bool has_encrypted = std::any_of(manifest.segments.begin(), manifest.segments.end(),
                                         [](const wal::Segment& s) { return s.key_id != 0; });
  if (has_encrypted) header.incompatible_flags = kEncryptedManifestFlag;
  store_le(slot.data(), header);
  header.hash = slot_hash(slot, payload_bytes);
  store_le(slot.data(), header);
  return size;
}

std::optional<Manifest> decode_manifest(ByteSpan slot) {
  if (slot.size() < kManifestHeaderBytes) return std::nullopt;
  const auto header = load_le<ManifestHeader>(slot.data());
  if (header.magic != kManifestMagic || header.version != kManifestVersion) return std::nullopt;
  if ((header.incompatible_flags & ~kEncryptedManifestFlag) != 0) return std::nullopt;
  if (header.payload_bytes > slot.size() - kManifestHeaderBytes) return std::nullopt;
  if (header.hash != slot_hash(slot, header.payload_bytes)) return std::nullopt;

  pb::Manifest message;
  if (!message.ParseFromArray(slot.data() + kManifestHeaderBytes,
                              static_cast<int>(header.payload_bytes))) {
    return std::nullopt;
  }
  Manifest manifest;
  manifest.generation = header.generation;
  manifest.channel_id = header.channel_id;
  manifest.end = {.lsn = {message.end_lsn()},
                  .next_sequence = {message.next_sequence()},
                  .chain_hash = message.chain_hash(),
                  .last_segment = {message.last_segment()}};
  manifest.is_clean = message.is_clean();
  if (!is_possible(header, message)) return std::nullopt;
  manifest.acks = AckState({message.acked_below()});
  for (const pb::Range& range : message.acked()) {
    if (range.first() > message.next_sequence()) return std::nullopt;
    if (range.count() > message.next_sequence() - range.first()) return std::nullopt;
    manifest.acks.add({.first = {range.first()}, .end = {range.first() + range.count()}});
  }
  manifest.read_lsn = {message.read_lsn()};
  manifest.read_sequence = {message.read_sequence()};
  if (!is_aligned(manifest.read_lsn) || !is_aligned(manifest.end.lsn)) return std::nullopt;
  manifest.lost_entries = message.lost_entries();
  for (const pb::Bookmark& row : message.bookmark()) {
    const wal::BookmarkView bookmark{.key = row.key(), .value = row.value()};
    if (!bookmark.is_possible()) return std::nullopt;
    manifest.bookmarks.set(bookmark);
  }
  if (!read_segments(message, manifest)) return std::nullopt;
  return manifest;
}

}  // namespace spillway::checkpoint
