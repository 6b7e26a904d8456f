#include "channel/residence.h"

namespace spillway::channel {

void collect(const Residence& residence, MetricSink& sink) {
  sink.gauge("bytes", "What the events take: bodies in memory, segments on disk.",
             static_cast<double>(residence.bytes));
  sink.gauge("resident_events", "Events in memory only.",
             static_cast<double>(residence.resident_events));
  sink.gauge("spilled_events", "Events on disk.", static_cast<double>(residence.spilled_events));
  sink.gauge("oldest_event_age_ns", "For how long the oldest unacknowledged event has waited.",
             static_cast<double>(residence.oldest_age_ns));
  sink.counter("switches_total", "Times that events began to go to disk, or no longer had to.",
               residence.switches);
  sink.counter("memory_mode_ns_total", "Time since the start with events in memory only.",
               residence.memory_ns);
  sink.counter("disk_mode_ns_total", "Time since the start with events on disk.",
               residence.disk_ns);
}

}  // namespace spillway::channel
