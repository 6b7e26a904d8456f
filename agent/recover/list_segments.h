// `spillway recover ls`: one line per segment and slot file, or per block.
#pragma once

#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "wal/base/result.h"

namespace spillway::agent::recover {

/// Reads the headers of all slot files.
Result<void> list_segments(const OfflineChannel& channel, Output& out);

/// Reads everything. Returns whether there was damage.
Result<bool> list_blocks(const OfflineChannel& channel, Output& out);

}  // namespace spillway::agent::recover
