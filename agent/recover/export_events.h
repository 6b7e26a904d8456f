// `spillway recover export`: the events of a channel in a file or directory of their own.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agent/recover/event_filter.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "agent/recover/progress.h"
#include "agent/recover/refusal.h"
#include "agent/stop_signal.h"
#include "wal/base/clock.h"

namespace spillway::agent::recover {

enum class ExportFormat : std::uint8_t {
  kJson,     // one object per line, as `cat` prints them
  kAvro,     // an Avro container file with Flume's schema of events
  kChannel,  // a file channel on which an agent can start
};

struct ExportOptions {
  ExportFormat format = ExportFormat::kJson;
  std::string path{};  // there must be nothing of that name
  Progress::Style progress = Progress::Style::kNone;
};

struct ExportReport {
  std::uint64_t events = 0;
  std::uint64_t bytes = 0;
  std::uint64_t lost_events = 0;
  std::uint64_t inexact_events = 0;  // the format cannot hold their headers as they are
  bool has_damage = false;
  bool is_encrypted = false;

  /// Is something missing or different?
  [[nodiscard]] bool is_exact() const { return !has_damage && inexact_events == 0; }
};

/// All or nothing: after a refusal, and after `stop`, there is nothing at the path. Damage is
/// reported on `notes` where it lies in the order.
std::optional<Refusal> export_events(const OfflineChannel& channel, const EventFilter& filter,
                                     const ExportOptions& options, const StopSignal& stop,
                                     Output& notes, ExportReport& report);

void print_export(const ExportOptions& options, const ExportReport& report, Output& out);

}  // namespace spillway::agent::recover
