#include "agent/counted_receive.h"

namespace spillway::agent {

Result<void> receive_counted(EventReceiver& receiver, const channel::EventBatch& batch,
                             SourceCounters& counters, Attempt attempt) {
  if (batch.is_empty()) return {};
  if (attempt == Attempt::kFirst) {
    counters.events_received.add(batch.size());
    counters.append_batches_received.add();
  }
  auto received = receiver.receive(batch);
  if (received.has_value()) {
    counters.events_accepted.add(batch.size());
    counters.append_batches_accepted.add();
  } else {
    counters.channel_write_failures.add();
  }
  return received;
}

}  // namespace spillway::agent
