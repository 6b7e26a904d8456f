// Which keys a recovered log still needs, and which of them are not there.
#pragma once

#include <string>
#include <vector>

#include "checkpoint/recovery.h"
#include "wal/base/result.h"
#include "wal/key_ring.h"
#include "wal/slot_pool.h"

namespace spillway::checkpoint {

/// A key that some segments were encrypted with.
struct SegmentKey {
  wal::KeyId id = 0;
  std::string alias{};  // as the segments' headers name it; empty: their headers are damaged
  std::vector<wal::Segment> segments{};  // never empty; in log order
};

/// The keys of all segments of `log`, in the order of their first use. Reads segment headers.
Result<std::vector<SegmentKey>> keys_of(const RecoveredLog& log, wal::SlotPool& slots);

/// Those of them that `keys` (may be nullptr) lacks although their segments hold events, or
/// acknowledgements behind the manifest, that have to be read. A segment whose events are all
/// acknowledged needs no key.
Result<std::vector<SegmentKey>> missing_keys(const RecoveredLog& log, wal::SlotPool& slots,
                                             const wal::KeyRing* keys);

/// "key "k1" (id 7211f6f076cd3871)".
std::string key_in_words(const SegmentKey& key);

/// "segment 3 (slot-00001.seg)", "segments 3 to 17 (15 in all, the first in slot-00001.seg)".
std::string segments_in_words(const std::vector<wal::Segment>& segments);

/// One sentence without the full stop: which key is missing or wrong, and what needs it.
std::string missing_in_words(const SegmentKey& key, const wal::KeyRing* keys);

}  // namespace spillway::checkpoint
