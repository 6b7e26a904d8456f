// What the slot files say they hold, independent of the manifest.
#pragma once

#include <map>
#include <vector>

#include "checkpoint/recovery.h"
#include "wal/base/result.h"
#include "wal/segment_header.h"
#include "wal/slot_pool.h"

namespace spillway::checkpoint {

/// A slot file as found. Survives nothing: made anew at each open.
struct SurveyedSlot {
  wal::SlotId slot = 0;
  wal::SegmentHeader header;
  std::vector<wal::SequenceRange> reclaimed;  // entries of segments that were, from between others
  std::uint64_t file_bytes = 0;
};

struct SegmentSurvey {
  std::map<wal::SegmentNumber, SurveyedSlot> segments;  // of this channel, by number
  std::vector<wal::SlotId> untouchable;                 // foreign or not understood
  std::vector<wal::SlotId> discarded;                   // their deletion had begun
  std::vector<Finding> findings;
};

/// Reads the headers of `wanted` slots. Blank slots are spare and not mentioned.
Result<SegmentSurvey> survey_segments(wal::SlotPool& slots, const std::vector<wal::SlotId>& wanted,
                                      const wal::ChannelId& id);

/// The channel that most of the slots belong to, for a directory without a manifest; nullopt when
/// no slot has an intact header. kIo: none that could be read has one, and some could not be read.
Result<std::optional<wal::ChannelId>> guess_channel(wal::SlotPool& slots);

wal::Segment to_segment(const SurveyedSlot& surveyed);

}  // namespace spillway::checkpoint
