#include "checkpoint/recovery.h"

#include <algorithm>
#include <set>
#include <utility>

#include "checkpoint/segment_survey.h"
#include "checkpoint/tail_scan.h"
#include "wal/base/check.h"
#include "wal/segment_reader.h"

namespace spillway::checkpoint {
namespace {

using wal::Segment;
using wal::SegmentNumber;
using wal::SlotId;

bool lists_slot(const Manifest& manifest, SlotId slot) {
  return std::any_of(manifest.segments.begin(), manifest.segments.end(),
                     [&](const Segment& segment) { return segment.slot == slot; });
}

// The slots whose headers have to be read. After a crash all: the device may have lost the last
// write of the manifest, and what was recycled since would be taken for what it was before.
std::vector<SlotId> slots_to_survey(const wal::SlotPool& slots, const Manifest* clean) {
  std::vector<SlotId> wanted = slots.found();
  if (clean != nullptr) {
    std::erase_if(wanted, [&](SlotId slot) { return lists_slot(*clean, slot); });
  }
  return wanted;
}

// The chain of segments behind `last_known`, newest number first found, oldest first returned.
// Segments that no successor names were discarded by an earlier recovery. Where a predecessor is
// gone, what lies before it is still ours: a lost slot must cost no more than its own segment.
std::vector<ChainLink> newer_chain(const SegmentSurvey& survey, const AckState& reclaimed,
                                   SegmentNumber last_in_table, SegmentNumber last_known) {
  std::vector<ChainLink> chain;
  const auto& all = survey.segments;
  if (all.empty()) return chain;
  auto at = std::prev(all.end());
  const std::uint64_t acked_below = at->second.header.acked_below;
  while (at->first > last_known) {
    const wal::SegmentHeader& header = at->second.header;
    chain.push_back({.segment = to_segment(at->second)});
    const SegmentNumber predecessor{header.predecessor_number};
    if (predecessor == last_in_table) break;
    const auto before = all.find(predecessor);
    if (before != all.end() && before->first > last_known) {
      at = before;
      continue;
    }
    // Without a table, a predecessor without unacknowledged entries has been reclaimed.
    if (last_in_table.value == 0 && header.first_sequence <= acked_below) break;
    chain.back().follows_gap = true;
    // Among what is known to be reclaimed may be what an earlier recovery discarded: not ours.
    const auto is_possible = [&](const SurveyedSlot& surveyed) {
      const wal::Sequence first{surveyed.header.first_sequence};
      return surveyed.header.first_lsn < header.first_lsn &&
             !reclaimed.covers({.first = first, .end = first + 1});
    };
    do {
      if (at == all.begin()) break;
      --at;
    } while (!is_possible(at->second));
    if (!is_possible(at->second)) break;
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

class Recovery {
 public:
  Recovery(const ManifestStore::Loaded& manifests, wal::SlotPool& slots,
           const wal::LogOptions& options)
      : manifests_(manifests), slots_(slots), options_(options) {}

  Result<RecoveredLog> run(const wal::ChannelId& fresh_id) {
    const Manifest* manifest = manifests_.newest();
    TRY(manifest != nullptr ? start_from(*manifest) : start_from_headers(fresh_id));
    if (log_.is_new) return std::move(log_);
    if (is_finished_) return finished();
    std::vector<ChainLink> chain;
    chain.reserve(log_.segments.size());
    for (const Segment& segment : log_.segments) chain.push_back({.segment = segment});
    for (const ChainLink& link : newer_) chain.push_back(link);
    start_behind_reclaimed(chain);
    TailScan scan(slots_, options_, std::move(chain), log_);
    TRY(scan.run());
    return finished();
  }

 private:
  RecoveredLog finished() {
    // What a later segment tells of entries that are gone must not be taken for those that get
    // their sequences now.
    log_.acks = log_.acks.before(log_.end.next_sequence);
    std::set<SlotId> in_use;
    for (const Segment& segment : log_.segments) in_use.insert(segment.slot);
    for (const auto& manifest : manifests_.slots) {
      if (!manifest) continue;
      log_.has_outdated_manifest =
          log_.has_outdated_manifest ||
          std::any_of(manifest->segments.begin(), manifest->segments.end(),
                      [&](const Segment& listed) { return !in_use.contains(listed.slot); });
    }
    return std::move(log_);
  }

  Result<void> start_from(const Manifest& manifest) {
    log_.channel_id = manifest.channel_id;
    log_.generation = manifest.generation;
    log_.end = manifest.end;
    log_.acks = manifest.acks;
    log_.read_lsn = manifest.read_lsn;
    log_.read_sequence = manifest.read_sequence;
    log_.segments = manifest.segments;
    log_.lost_entries = manifest.lost_entries;
    log_.bookmarks = manifest.bookmarks;
    if (manifests_.is_damaged) {
      log_.findings.push_back({.kind = Finding::Kind::kManifestDamaged});
    }
    note_missing_slots();
    const bool is_clean = manifest.is_clean && !manifests_.may_be_stale;
    TRY(survey(is_clean ? &manifest : nullptr));
    note_reclaimed();
    const SegmentNumber last_in_table =
        log_.segments.empty() ? SegmentNumber{} : log_.segments.back().number;
    newer_ = newer_chain(survey_, reclaimed_, last_in_table, manifest.end.last_segment);
    drop_impossible();
    if (is_clean) TRY(judge_clean_end());
    drop_listed_findings(manifest);
    drop_recycled();
    note_last_segment();
    return {};
  }

  // A log that goes on behind its clean end has been opened since, and the manifest that said so
  // was lost.
  Result<void> judge_clean_end() {
    bool has_more = !newer_.empty();
    if (!log_.segments.empty()) {
      const Segment& last = log_.segments.back();
      TRY_ASSIGN(log_.can_continue, is_whole(last));
      if (log_.can_continue) {
        TRY_ASSIGN(auto file, slots_.file(last.slot));
        wal::SegmentReader reader(std::move(file), last, wal::hash_seed(log_.channel_id),
                                  wal::kBlockAlignBytes);
        TRY_ASSIGN(const auto found, reader.read(log_.end.lsn));
        has_more = has_more || found.state != wal::BlockState::kBlank;
      }
    }
    log_.was_clean = !has_more;
    is_finished_ = log_.was_clean;
    if (!has_more) return {};
    log_.can_continue = false;
    log_.findings.push_back({.kind = Finding::Kind::kManifestDamaged});
    return {};
  }

  // Segments that begin before what they follow. Sound headers that contradict each other, or
  // the manifest, were not all written by this channel; what cannot be placed is left alone.
  void drop_impossible() {
    wal::Lsn begin = log_.end.lsn;  // where the manifest knew the log to be durable
    std::vector<ChainLink> possible;
    bool has_dropped = false;
    for (ChainLink& link : newer_) {
      if (begin <= link.segment.first_lsn) {
        begin = link.segment.first_lsn;
        link.follows_gap = link.follows_gap || has_dropped;
        possible.push_back(link);
        continue;
      }
      has_dropped = true;  // rare: contradicting_segment_headers
      log_.untouchable_slots.push_back(link.segment.slot);
      log_.findings.push_back(
          {.kind = Finding::Kind::kUnreadableHeader, .slot = link.segment.slot});
    }
    newer_ = std::move(possible);
  }

  // The manifest knows a listed slot although its header does not.
  void drop_listed_findings(const Manifest& manifest) {
    std::erase_if(log_.untouchable_slots, [&](SlotId slot) { return lists_slot(manifest, slot); });
    std::erase_if(log_.findings, [&](const Finding& finding) {
      const bool is_of_slot = finding.kind == Finding::Kind::kUnreadableHeader ||
                              finding.kind == Finding::Kind::kForeignSlot;
      return is_of_slot && lists_slot(manifest, finding.slot);
    });
  }

  Result<void> start_from_headers(const wal::ChannelId& fresh_id) {
    TRY_ASSIGN(const auto id, guess_channel(slots_));
    // A channel that cannot be read is not a new one: one made in its place would hide it for ever.
    if (!id && manifests_.read_error) return *manifests_.read_error;
    log_.channel_id = id.value_or(fresh_id);
    log_.is_new = !id.has_value();
    TRY(survey(nullptr));
    if (log_.is_new) return {};
    log_.findings.push_back({.kind = Finding::Kind::kManifestLost});
    note_reclaimed();
    newer_ = newer_chain(survey_, reclaimed_, {}, {});
    drop_impossible();
    note_last_segment();
    CHECK(!newer_.empty());
    const auto& oldest = survey_.segments.at(newer_.front().segment.number).header;
    const auto& newest = survey_.segments.at(newer_.back().segment.number).header;
    log_.end.lsn = {oldest.first_lsn};
    log_.end.next_sequence = {oldest.first_sequence};
    log_.end.chain_hash = oldest.predecessor_hash;
    log_.acks.add({.first = log_.acks.below(), .end = {newest.acked_below}});
    return {};
  }

  // A segment leaves the log when its entries are acknowledged; those of the middle are named by
  // the segments that were begun since. Where the last manifest is there it knows more.
  void note_reclaimed() {
    if (manifests_.newest() != nullptr && !manifests_.may_be_stale) return;
    for (const auto& found : survey_.segments) {
      for (const wal::SequenceRange& range : found.second.reclaimed) {
        reclaimed_.add(range);
        log_.acks.add(range);
      }
    }
  }

  Result<void> survey(const Manifest* clean) {
    const auto wanted = slots_to_survey(slots_, clean);
    TRY_ASSIGN(survey_, survey_segments(slots_, wanted, log_.channel_id));
    log_.untouchable_slots = survey_.untouchable;
    log_.findings.insert(log_.findings.end(), survey_.findings.begin(), survey_.findings.end());
    return {};
  }

  void note_missing_slots() {
    for (const Segment& segment : log_.segments) {
      if (slots_.is_complete(segment.slot)) continue;
      log_.findings.push_back(
          {.kind = Finding::Kind::kSlotMissing, .slot = segment.slot, .segment = segment.number});
    }
  }

  Result<bool> is_whole(const Segment& segment) {
    if (!slots_.is_complete(segment.slot)) return false;  // noted already
    TRY_ASSIGN(const auto file, slots_.file(segment.slot));
    TRY_ASSIGN(const std::uint64_t file_bytes, file->size_bytes());
    if (file_bytes >= segment.slot_bytes) return true;
    log_.findings.push_back(
        {.kind = Finding::Kind::kSlotShort, .slot = segment.slot, .segment = segment.number});
    return false;
  }

  [[nodiscard]] bool is_recycled(const Segment& segment) const {
    const auto& discarded = survey_.discarded;
    return std::find(discarded.begin(), discarded.end(), segment.slot) != discarded.end() ||
           std::any_of(survey_.segments.begin(), survey_.segments.end(), [&](const auto& found) {
             return found.second.slot == segment.slot && found.first > segment.number;
           });
  }

  // A manifest may list segments whose slot has been given to a newer one since, or is being
  // deleted: that is done only when all their entries are acknowledged.
  void drop_recycled() {
    std::vector<Segment> kept;
    for (const Segment& segment : log_.segments) {
      if (!is_recycled(segment)) {
        kept.push_back(segment);
      } else {
        log_.acks.add({.first = segment.first_sequence, .end = segment.end_sequence});
      }
    }
    if (kept.size() == log_.segments.size()) return;
    // rare: manifest_older_than_recycling
    is_end_recycled_ = kept.empty() || kept.back().number != log_.segments.back().number;
    // Where the log ends has to be in some segment.
    if (is_end_recycled_ && !kept.empty() && newer_.empty()) kept.push_back(log_.segments.back());
    log_.segments = std::move(kept);
    if (!log_.segments.empty() || !newer_.empty()) return;
    log_.acks.add({.first = log_.acks.below(), .end = log_.end.next_sequence});
  }

  // Whatever lies before the first segment is acknowledged: else its own would be there.
  void start_behind_reclaimed(std::vector<ChainLink>& chain) {
    if (chain.empty()) return;
    chain.front().follows_gap = false;
    const Segment& first = chain.front().segment;
    log_.acks.add({.first = log_.acks.below(), .end = first.first_sequence});
    if (log_.end.lsn < first.first_lsn) move_end_to(first);
    // The segment that the log was known to end in has been reclaimed, and so nothing in it is
    // wanted up to the one that names it as predecessor.
    if (is_end_recycled_ && !newer_.empty() && !newer_.front().follows_gap) {
      const Segment& next = newer_.front().segment;
      log_.acks.add({.first = log_.end.next_sequence, .end = next.first_sequence});
      if (log_.end.lsn < next.first_lsn) move_end_to(next);
    }
    if (log_.read_lsn < first.first_lsn) {
      log_.read_lsn = first.first_lsn;
      log_.read_sequence = first.first_sequence;
    }
  }

  void move_end_to(const Segment& segment) {
    log_.end.lsn = segment.first_lsn;
    log_.end.next_sequence = segment.first_sequence;
    const auto header = survey_.segments.find(segment.number);
    if (header != survey_.segments.end()) {
      log_.end.chain_hash = header->second.header.predecessor_hash;
    }
  }

  void note_last_segment() {
    if (survey_.segments.empty()) return;
    log_.end.last_segment =
        std::max(log_.end.last_segment, std::prev(survey_.segments.end())->first);
  }

  const ManifestStore::Loaded& manifests_;
  wal::SlotPool& slots_;
  const wal::LogOptions& options_;
  RecoveredLog log_;
  SegmentSurvey survey_;
  AckState reclaimed_;  // entries of segments that were, as far as segments tell
  std::vector<ChainLink> newer_;
  bool is_finished_ = false;
  bool is_end_recycled_ = false;  // the segment that the manifest says the log ends in
};

}  // namespace

ReadPosition RecoveredLog::first_unread() const {
  ReadPosition read{.lsn = end.lsn, .sequence = end.next_sequence};
  if (acks.below() >= end.next_sequence || segments.empty()) return read;
  read = {.lsn = segments.front().first_lsn, .sequence = segments.front().first_sequence};
  const bool is_hint_usable =
      read.lsn <= read_lsn && read_lsn <= end.lsn && read_sequence <= acks.below();
  if (is_hint_usable) read = {.lsn = read_lsn, .sequence = read_sequence};
  for (const Segment& segment : segments) {
    if (segment.first_sequence <= acks.below() && read.lsn < segment.first_lsn) {
      read = {.lsn = segment.first_lsn, .sequence = segment.first_sequence};
    }
  }
  return read;
}

std::string_view finding_name(Finding::Kind kind) {
  switch (kind) {
    case Finding::Kind::kTornTail:
      return "torn_tail";
    case Finding::Kind::kLost:
      return "lost";
    case Finding::Kind::kManifestDamaged:
      return "manifest_damaged";
    case Finding::Kind::kManifestLost:
      return "manifest_lost";
    case Finding::Kind::kSlotMissing:
      return "slot_missing";
    case Finding::Kind::kSlotShort:
      return "slot_short";
    case Finding::Kind::kForeignSlot:
      return "foreign_slot";
    case Finding::Kind::kUnreadableHeader:
      return "unreadable_header";
  }
  return "unknown";
}

Result<RecoveredLog> recover_log(const ManifestStore::Loaded& manifests, wal::SlotPool& slots,
                                 const wal::LogOptions& options, const wal::ChannelId& fresh_id) {
  return Recovery(manifests, slots, options).run(fresh_id);
}

}  // namespace spillway::checkpoint
