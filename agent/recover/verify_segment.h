// Checks everything in one segment: file, both headers, every block, every event.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/recover/offline_channel.h"
#include "agent/recover/progress.h"
#include "wal/base/result.h"
#include "wal/log_reader.h"
#include "wal/segment.h"
#include "wal/segment_header.h"

namespace spillway::agent::recover {

/// Something that is not as it was written.
struct Problem {
  std::string_view kind = {};  // snake_case, listed in docs/recovery.md
  wal::SegmentNumber segment = {};
  wal::SlotId slot = 0;
  wal::LostRange range = {};      // what it concerns; may be empty
  std::uint64_t lost_events = 0;  // of them, not acknowledged: an agent cannot deliver them
  std::string words = {};         // one sentence, without the full stop
};

struct SegmentVerdict {
  std::uint64_t blocks = 0;
  std::uint64_t events = 0;
  std::uint64_t locked_blocks = 0;  // checked by their hash only, for lack of the key
  std::optional<wal::SegmentHeader> header;
  std::optional<std::uint64_t> last_hash;  // of the last block, or of what is before the segment
  std::vector<Problem> problems;           // in the order of the log
};

/// Bytes that will be passed to Progress::add() in all.
std::uint64_t bytes_to_verify(const wal::Segment& segment);

/// Thread-safe: several segments of a channel may be verified at once. An error means that a file
/// cannot be opened at all.
Result<SegmentVerdict> verify_segment(const OfflineChannel& channel, const wal::Segment& segment,
                                      Progress& progress);

/// Events of `entries` that are neither acknowledged nor readable. Recovery counts as acknowledged
/// what it has reported as lost; those are counted here.
std::uint64_t count_lost(const checkpoint::RecoveredLog& log, wal::SequenceRange entries);

}  // namespace spillway::agent::recover
