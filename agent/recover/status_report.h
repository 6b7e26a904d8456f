// `spillway recover status`: what is in a channel, from its manifest and the tail of its log.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "channel/quarantine.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"

namespace spillway::agent::recover {

struct StatusReport {
  enum class State : std::uint8_t {
    kNew,           // nothing has ever been stored
    kClean,         // stopped in order
    kCrashed,       // the end of the log had to be searched
    kUnidentified,  // the manifest is damaged and no segment has an intact header
  };

  const OfflineChannel* channel = nullptr;
  State state = State::kNew;
  std::size_t slot_files = 0;
  std::size_t spare_slots = 0;      // ready for use
  std::size_t discarded_slots = 0;  // their deletion had begun
  std::uint64_t slot_bytes = 0;     // of all slot files
  std::uint64_t segment_bytes = 0;  // of log in the segments
  std::uint64_t waiting_bytes = 0;  // of it from the oldest waiting event on, at most
  std::optional<std::uint64_t> oldest_created_ms;  // of the oldest and newest segment
  std::optional<std::uint64_t> newest_created_ms;
  std::optional<std::uint64_t> oldest_waiting_ms;  // the oldest waiting event was put then or later
  std::optional<std::uint64_t> oldest_age_ms_max;  // … and so waits no longer than this
  std::vector<channel::QuarantinedCopy> copies;    // of damage that starts and sinks have met
  std::uint64_t lost_events = 0;  // found by this look; channel->log has the sum since creation
  bool has_damage = false;

  /// From the first event that waits to the last; others in between are done with, or lost.
  [[nodiscard]] wal::SequenceRange waiting() const;
  [[nodiscard]] std::uint64_t done_between() const;
  [[nodiscard]] std::uint64_t lost_between() const;
};

/// snake_case name of a state.
std::string_view state_name(StatusReport::State state);

/// `channel` must outlive the report. `clock` tells ages.
Result<StatusReport> make_status(const OfflineChannel& channel, const Clock& clock);

void print_status(const StatusReport& report, Output& out);

}  // namespace spillway::agent::recover
