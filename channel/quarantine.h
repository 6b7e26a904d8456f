// Keeps a copy of damaged log bytes before their slot is used again: evidence, and a last chance.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "wal/base/result.h"
#include "wal/io/file.h"
#include "wal/log_reader.h"
#include "wal/segment.h"
#include "wal/slot_pool.h"

namespace spillway::channel {

/// Copies the bytes of `lost` that lie in `segment` to `damaged-<segment>-<lsn>.bin` in `into`,
/// unreadable blocks as zeros. Does nothing when the copy exists, when kQuarantineFilesMax copies
/// are there already, or when the slot file is gone. Errors are worth a log line, nothing more.
Result<void> quarantine(io::Directory& into, wal::SlotPool& slots, const wal::Segment& segment,
                        const wal::LostRange& lost);

inline constexpr std::size_t kQuarantineFilesMax = 32;

/// A copy that quarantine() has made, by its name and size.
struct QuarantinedCopy {
  std::string name{};
  wal::SegmentNumber segment{};
  wal::Lsn first_lsn{};
  std::uint64_t bytes = 0;
};

/// In the order of the log. Opens them for reading only.
Result<std::vector<QuarantinedCopy>> list_quarantine(io::Directory& directory);

}  // namespace spillway::channel
