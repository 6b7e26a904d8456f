// Handing a batch on and keeping a source's counters, the same way in every source.
#pragma once

#include "agent/component.h"

namespace spillway::agent {

enum class Attempt : std::uint8_t {
  kFirst,
  kRetry,  // these events were counted as received before
};

/// receiver.receive(batch), counted. Nothing is counted for an empty batch.
Result<void> receive_counted(EventReceiver& receiver, const channel::EventBatch& batch,
                             SourceCounters& counters, Attempt attempt);

}  // namespace spillway::agent
