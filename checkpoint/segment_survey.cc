#include "checkpoint/segment_survey.h"

#include <algorithm>
#include <utility>

#include "wal/io/aligned_buffer.h"
#include "wal/segment_reader.h"

namespace spillway::checkpoint {
namespace {

struct ReadHeader {
  std::optional<wal::SegmentHeader> header;
  std::vector<wal::SequenceRange> reclaimed;
  bool is_blank = true;
  bool is_discarded = false;
  std::uint64_t file_bytes = 0;
  std::optional<Error> read_error;  // of any part
};

Result<ReadHeader> read_header(wal::SlotPool& slots, wal::SlotId slot) {
  ReadHeader result;
  TRY_ASSIGN(const auto file, slots.file(slot));
  TRY_ASSIGN(result.file_bytes, file->size_bytes());
  io::AlignedBuffer buffer(wal::kSegmentDataOffset);
  std::size_t size = 0;
  const auto whole = file->read_at(0, buffer.span());
  if (!whole.has_value() && whole.error().code != Errc::kIo) return whole.error();
  if (whole.has_value()) size = whole.value();
  // Block by block: one that cannot be read must not hide its copy.
  for (std::size_t at = 0; !whole.has_value() && at < buffer.size(); at += wal::kBlockAlignBytes) {
    const auto read = file->read_at(at, buffer.span().subspan(at, wal::kBlockAlignBytes));
    if (!read.has_value() && read.error().code != Errc::kIo) return read.error();
    if (!read.has_value()) {
      result.is_blank = false;  // rare: unreadable_header_copy
      result.read_error = read.error();
    }
    if (read.has_value()) size = at + read.value();
  }
  const ByteSpan bytes = ByteSpan(buffer.span()).first(size);
  result.header = wal::decode_segment_header(bytes);
  result.reclaimed = wal::decode_reclaimed(bytes);
  result.is_discarded = wal::has_discard_mark(bytes);
  result.is_blank = result.is_blank && std::all_of(bytes.begin(), bytes.end(),
                                                   [](std::byte b) { return b == std::byte{0}; });
  return result;
}

bool is_sound(const wal::SegmentHeader& header) {
  return to_segment({.slot = 0, .header = header, .reclaimed = {}}).is_possible() &&
         header.predecessor_number < header.number;
}

// Whether its blocks are there, judged by the first.
Result<bool> has_blocks(wal::SlotPool& slots, const SurveyedSlot& surveyed) {
  const wal::Segment segment = to_segment(surveyed);
  TRY_ASSIGN(auto file, slots.file(segment.slot));
  wal::SegmentReader reader(std::move(file), segment, wal::hash_seed(surveyed.header.channel_id),
                            wal::kBlockAlignBytes);
  TRY_ASSIGN(const auto found, reader.read(segment.first_lsn));
  return found.state == wal::BlockState::kValid;
}

// Of two slots with the header of one segment, as somebody's copy makes them, the second one goes
// only before the first if that has no blocks. The other is left alone: were its bytes overwritten,
// the next start could find another log than this one.
Result<void> add_segment(SegmentSurvey& survey, wal::SlotPool& slots, SurveyedSlot found) {
  const wal::SegmentNumber number{found.header.number};
  const auto known = survey.segments.find(number);
  if (known == survey.segments.end()) {
    survey.segments.emplace(number, std::move(found));
    return {};
  }
  TRY_ASSIGN(const bool is_known_better, has_blocks(slots, known->second));
  if (!is_known_better) std::swap(known->second, found);
  survey.untouchable.push_back(found.slot);  // rare: two_slots_of_one_segment
  survey.findings.push_back({.kind = Finding::Kind::kForeignSlot, .slot = found.slot});
  return {};
}

}  // namespace

Result<SegmentSurvey> survey_segments(wal::SlotPool& slots, const std::vector<wal::SlotId>& wanted,
                                      const wal::ChannelId& id) {
  SegmentSurvey survey;
  for (const wal::SlotId slot : wanted) {
    TRY_ASSIGN(ReadHeader found, read_header(slots, slot));
    if (found.is_discarded) {
      survey.discarded.push_back(slot);
      continue;
    }
    if (!found.header || !is_sound(*found.header)) {
      if (found.is_blank) continue;
      survey.untouchable.push_back(slot);
      survey.findings.push_back({.kind = Finding::Kind::kUnreadableHeader, .slot = slot});
      continue;
    }
    if (found.header->channel_id != id) {
      survey.untouchable.push_back(slot);
      survey.findings.push_back({.kind = Finding::Kind::kForeignSlot, .slot = slot});
      continue;
    }
    TRY(add_segment(survey, slots,
                    {.slot = slot,
                     .header = *found.header,
                     .reclaimed = std::move(found.reclaimed),
                     .file_bytes = found.file_bytes}));
  }
  return survey;
}

Result<std::optional<wal::ChannelId>> guess_channel(wal::SlotPool& slots) {
  std::map<wal::ChannelId, std::size_t> votes;
  std::optional<Error> read_error;
  for (const wal::SlotId slot : slots.found()) {
    TRY_ASSIGN(const ReadHeader found, read_header(slots, slot));
    if (found.header && is_sound(*found.header)) ++votes[found.header->channel_id];
    if (found.read_error) read_error = found.read_error;
  }
  const auto most = std::max_element(votes.begin(), votes.end(),
                                     [](auto& a, auto& b) { return a.second < b.second; });
  if (most == votes.end() && read_error) return *read_error;
  if (most == votes.end()) return std::optional<wal::ChannelId>();
  return std::optional(most->first);
}

wal::Segment to_segment(const SurveyedSlot& surveyed) {
  const wal::SegmentHeader& header = surveyed.header;
  return {.number = {header.number},
          .slot = surveyed.slot,
          .nonce = header.nonce,
          .slot_bytes = header.slot_bytes,
          .first_lsn = {header.first_lsn},
          .first_sequence = {header.first_sequence},
          .end_lsn = {header.first_lsn},
          .end_sequence = {header.first_sequence},
          .key_id = header.key_id,
          .is_sealed = false};
}

}  // namespace spillway::checkpoint
