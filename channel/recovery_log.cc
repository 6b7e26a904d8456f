#include "channel/recovery_log.h"

#include "wal/base/log.h"

namespace spillway::channel {
namespace {

using checkpoint::Finding;

void log_finding(std::string_view channel, const Finding& finding) {
  const LogField name{"channel", channel};
  const LogField slot{"slot", wal::slot_name(finding.slot)};
  const LogField segment{"segment", finding.segment.value};
  switch (finding.kind) {
    case Finding::Kind::kTornTail:
      log_info("channel.torn_tail", "dropped writes that were never acknowledged",
               {name, {"row", finding.row}, slot, {"lsn", finding.lost.first_lsn.value}});
      return;
    case Finding::Kind::kLost:
      log_lost(channel, finding.lost, finding.wanted);
      return;
    case Finding::Kind::kManifestDamaged:
      log_warn("channel.manifest_damaged", "one manifest slot is damaged; the other one is used",
               {name});
      return;
    case Finding::Kind::kManifestLost:
      log_warn("channel.manifest_lost",
               "the manifest was rebuilt from the segments; delivered events may come again",
               {name});
      return;
    case Finding::Kind::kSlotMissing:
      log_error("channel.slot_missing", "a slot file with events is missing",
                {name, slot, segment});
      return;
    case Finding::Kind::kSlotShort:
      log_warn("channel.slot_short", "a slot file has been cut", {name, slot, segment});
      return;
    case Finding::Kind::kForeignSlot:
      log_warn("channel.foreign_slot", "a slot file belongs to another channel; left alone",
               {name, slot});
      return;
    case Finding::Kind::kUnreadableHeader:
      log_warn("channel.unreadable_header", "a slot file cannot be identified; left alone",
               {name, slot});
      return;
  }
}

}  // namespace

void log_recovery(std::string_view channel, const checkpoint::RecoveredLog& recovered) {
  for (const Finding& finding : recovered.findings) log_finding(channel, finding);
  if (recovered.is_new) {
    log_info("channel.created", "a new channel was created", {{"channel", channel}});
    return;
  }
  log_info("channel.recovered", "the channel is open",
           {{"channel", channel},
            {"events", recovered.pending_entries()},
            {"was_clean", recovered.was_clean},
            {"scanned_bytes", recovered.scanned_bytes},
            {"segments", recovered.segments.size()},
            {"lost_events_ever", recovered.lost_entries}});
}

void log_lost(std::string_view channel, const wal::LostRange& lost, std::uint64_t wanted) {
  log_error("channel.events_lost", "stored events are damaged and were skipped",
            {{"channel", channel},
             {"first_sequence", lost.entries.first.value},
             {"end_sequence", lost.entries.end.value},
             {"events", wanted},
             {"first_lsn", lost.first_lsn.value},
             {"end_lsn", lost.end_lsn.value}});
}

void log_quarantine_failure(std::string_view channel, const Error& error) {
  log_warn("channel.quarantine_failed", "cannot keep a copy of the damaged bytes",
           {{"channel", channel}, {"error", error}});
}

}  // namespace spillway::channel
