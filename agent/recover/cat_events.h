// `spillway recover cat`: the events of a channel, in order, on standard output.
//
// Reads through the engine's LogReader: what is printed is what an agent would deliver. Memory does
// not grow with the backlog.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "agent/recover/event_format.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "wal/base/result.h"

namespace spillway::agent::recover {

struct CatOptions {
  EventFormat format = EventFormat::kText;
  bool is_all = false;  // acknowledged events that are still in a segment, too
  std::uint64_t from = 1;
  std::uint64_t to = UINT64_MAX;  // the last sequence wanted
  std::uint64_t limit = UINT64_MAX;
  std::vector<std::pair<std::string, std::string>> headers{};  // all of them have to match
  std::string separator = "\n";                                // behind a raw body
};

/// Which keys stop cat_events(): one sentence each, none when it can do its work.
std::vector<std::string> missing_for_cat(const OfflineChannel& channel, const CatOptions& options);

/// Damage in the range is reported on `notes` where it lies in the order. Returns whether there was
/// any.
Result<bool> cat_events(const OfflineChannel& channel, const CatOptions& options, Output& out,
                        Output& notes);

}  // namespace spillway::agent::recover
