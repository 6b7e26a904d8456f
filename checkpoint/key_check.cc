#include "checkpoint/key_check.h"

#include <fmt/format.h>

#include <algorithm>

#include "wal/io/aligned_buffer.h"
#include "wal/segment_header.h"

namespace spillway::checkpoint {
namespace {

// Damage to a header costs the name of the key, nothing more.
std::string read_alias(wal::SlotPool& slots, const wal::Segment& segment) {
  const auto file = slots.file(segment.slot);
  if (!file.has_value()) return {};
  io::AlignedBuffer buffer(wal::kSegmentDataOffset);
  const auto read = file.value()->read_at(0, buffer.span());
  if (!read.has_value()) return {};
  const ByteSpan bytes = ByteSpan(buffer.span()).first(read.value());
  const auto header = wal::decode_segment_header(bytes);
  const bool is_this = header && header->key_id == segment.key_id;
  return is_this ? wal::decode_key_alias(bytes) : std::string();
}

bool is_wanted(const RecoveredLog& log, const wal::Segment& segment) {
  const auto& locked = log.locked_segments;
  if (std::find(locked.begin(), locked.end(), segment.number) != locked.end()) return true;
  const wal::SequenceRange entries{.first = segment.first_sequence, .end = segment.end_sequence};
  return !entries.is_empty() && !log.acks.first_pending(entries).is_empty();
}

// Whatever an operator, or an enemy, put into the header goes to a terminal.
std::string printable(const std::string& text) {
  std::string out;
  for (const char c : text) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? '?' : c;
  return out;
}

}  // namespace

Result<std::vector<SegmentKey>> keys_of(const RecoveredLog& log, wal::SlotPool& slots) {
  std::vector<SegmentKey> keys;
  for (const wal::Segment& segment : log.segments) {
    if (segment.key_id == 0) continue;
    auto at = std::find_if(keys.begin(), keys.end(),
                           [&](const SegmentKey& key) { return key.id == segment.key_id; });
    if (at == keys.end()) at = keys.insert(keys.end(), {.id = segment.key_id});
    if (at->alias.empty()) at->alias = printable(read_alias(slots, segment));
    at->segments.push_back(segment);
  }
  return keys;
}

Result<std::vector<SegmentKey>> missing_keys(const RecoveredLog& log, wal::SlotPool& slots,
                                             const wal::KeyRing* keys) {
  TRY_ASSIGN(std::vector<SegmentKey> missing, keys_of(log, slots));
  std::erase_if(missing, [&](SegmentKey& key) {
    if (keys != nullptr && keys->find(key.id) != nullptr) return true;
    std::erase_if(key.segments, [&](const wal::Segment& s) { return !is_wanted(log, s); });
    return key.segments.empty();
  });
  return missing;
}

std::string key_in_words(const SegmentKey& key) {
  if (key.alias.empty()) return fmt::format("the key with the id {:016x}", key.id);
  return fmt::format("key \"{}\" (id {:016x})", key.alias, key.id);
}

std::string segments_in_words(const std::vector<wal::Segment>& segments) {
  const wal::Segment& first = segments.front();
  if (segments.size() == 1) {
    return fmt::format("segment {} ({})", first.number.value, wal::slot_name(first.slot));
  }
  return fmt::format("segments {} to {} ({} in all, the first in {})", first.number.value,
                     segments.back().number.value, segments.size(), wal::slot_name(first.slot));
}

std::string missing_in_words(const SegmentKey& key, const wal::KeyRing* keys) {
  const wal::MasterKey* const other =
      keys == nullptr || key.alias.empty() ? nullptr : keys->find_alias(key.alias);
  const std::string needed = segments_in_words(key.segments);
  if (other != nullptr) {
    return fmt::format(
        "wrong key: {} cannot be read with the \"{}\" given (id {:016x}); needed is {}", needed,
        key.alias, other->id(), key_in_words(key));
  }
  return fmt::format("missing key: {} cannot be read without {}", needed, key_in_words(key));
}

}  // namespace spillway::checkpoint
