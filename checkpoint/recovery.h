// Opening a log: manifest, then a scan of the tail, and what both mean.
//
// Decides by wal/recovery_table.h and changes nothing on disk, so that a crash during recovery
// repeats the same decision, and the offline tool can show it.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "checkpoint/ack_state.h"
#include "checkpoint/manifest_store.h"
#include "wal/base/result.h"
#include "wal/log_reader.h"
#include "wal/options.h"
#include "wal/segment.h"
#include "wal/segment_writer.h"
#include "wal/slot_pool.h"

namespace spillway::checkpoint {

/// Something an operator should know, in the order of the log.
struct Finding {
  enum class Kind : std::uint8_t {
    kTornTail,          // unfinished writes at the end of the log: nothing acknowledged is lost
    kLost,              // acknowledged bytes are damaged; `lost` says which entries
    kManifestDamaged,   // one slot: the other one holds
    kManifestLost,      // both: rebuilt from the segment headers, acknowledged entries may return
    kSlotMissing,       // a slot file that the manifest refers to is not there
    kSlotShort,         // a slot file has been cut
    kForeignSlot,       // a slot file of another channel; it is left alone
    kUnreadableHeader,  // a slot file that holds neither a segment nor blanks; it is left alone
  };
  Kind kind = Kind::kTornTail;
  std::string_view row = {};  // of the recovery table, or ""
  wal::SlotId slot = 0;
  wal::SegmentNumber segment = {};
  wal::LostRange lost = {};  // kTornTail: the discarded bytes, no entries
  std::uint64_t wanted = 0;  // kLost: of its entries, how many were not acknowledged
};

/// snake_case name of a kind.
std::string_view finding_name(Finding::Kind kind);

/// A block boundary and the sequence of the first entry there.
struct ReadPosition {
  wal::Lsn lsn;
  wal::Sequence sequence;
};

struct RecoveredLog {
  bool is_new = false;  // there was no channel here
  wal::ChannelId channel_id{};
  std::uint64_t generation = 0;  // of the manifest that was used; 0: none
  bool was_clean = false;
  bool can_continue = false;  // the last segment ended cleanly, and its slot is whole
  wal::LogEnd end;
  AckState acks;
  wal::Lsn read_lsn;
  wal::Sequence read_sequence{1};
  std::vector<wal::Segment> segments;
  std::vector<wal::SlotId> untouchable_slots;  // not ours or not understood: never reused
  // Of segments behind the end, oldest first: not to be touched before a new one names its
  // predecessor. Without one of them the others would prove that it had been durable.
  std::vector<wal::SlotId> given_up_slots;
  std::uint64_t scanned_bytes = 0;
  // Scanned without their key: what they acknowledge is unknown.
  std::vector<wal::SegmentNumber> locked_segments;
  std::uint64_t lost_entries = 0;  // since the channel was created, this recovery included
  std::vector<Finding> findings;
  wal::Bookmarks bookmarks;  // at `end`; without a manifest, those that are still in the log

  // A manifest that holds beside the one that was used lists slots that are free by now. Before
  // they are used it has to be overwritten.
  bool has_outdated_manifest = false;

  [[nodiscard]] std::uint64_t pending_entries() const {
    return (end.next_sequence - acks.below()) - acks.count_above();
  }

  /// Where consumers go on: the best known place at or before the first unacknowledged entry.
  [[nodiscard]] ReadPosition first_unread() const;
};

/// `slots` is open()ed and not started; `fresh_id` names the channel if there is none yet.
/// kCorrupt only for what no skipping can mend; kIo when the device refuses to be read at all.
Result<RecoveredLog> recover_log(const ManifestStore::Loaded& manifests, wal::SlotPool& slots,
                                 const wal::LogOptions& options, const wal::ChannelId& fresh_id);

}  // namespace spillway::checkpoint
