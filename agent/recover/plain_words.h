// Numbers as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "checkpoint/recovery.h"
#include "wal/block.h"
#include "wal/position.h"
#include "wal/recovery_table.h"

namespace spillway::agent::recover {

/// "1 event", "3 events".
std::string count_in_words(std::uint64_t count, std::string_view noun);

/// "512 bytes", "1.5 MiB".
std::string size_in_words(std::uint64_t bytes);

/// "2026-01-31 23:59:59 UTC".
std::string time_in_words(std::uint64_t wall_ms);

/// "850 ms", "12 s", "3 min", "5 h 10 min", "12 d 3 h".
std::string duration_in_words(std::uint64_t ms);

/// "sequence 5", "sequences 5 to 9", "no events".
std::string range_in_words(const wal::SequenceRange& range);

/// Lower-case hex digits.
std::string hex(const wal::ChannelId& id);

/// Stored bytes are not what was written: something has happened to the disk or the files.
bool is_damage(checkpoint::Finding::Kind kind);

/// One sentence, without the full stop: what was found, where, and what it means for the events.
std::string finding_in_words(const checkpoint::Finding& finding);

/// Why the recovery table decides as it does in row `name`; empty for no row.
std::string_view row_in_words(std::string_view name);

}  // namespace spillway::agent::recover
