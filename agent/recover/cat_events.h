// `spillway recover cat`: the events of a channel, in order, on standard output.
#pragma once

#include <string>

#include "agent/recover/event_filter.h"
#include "agent/recover/event_format.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "wal/base/result.h"

namespace spillway::agent::recover {

struct CatOptions {
  EventFormat format = EventFormat::kText;
  std::string separator = "\n";  // behind a raw body
};

/// Damage in the range is reported on `notes` where it lies in the order. Returns whether there was
/// any.
Result<bool> cat_events(const OfflineChannel& channel, const EventFilter& filter,
                        const CatOptions& options, Output& out, Output& notes);

}  // namespace spillway::agent::recover
