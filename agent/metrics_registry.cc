#include "agent/metrics_registry.h"

#include <array>
#include <string>
#include <vector>

#include "agent/process_metrics.h"
#include "agent/version.h"

namespace spillway::agent {
namespace {

void collect_channel(const LiveChannel& live, std::uint64_t now_ns, MetricSink& out) {
  const channel::Channel& channel = live.channel();
  const channel::ChannelCounters& counters = channel.counters();
  out.counter("event_put_attempts_total", "Events that producers tried to put.",
              counters.put_attempts.value());
  out.counter("event_puts_total", "Events put and committed.", counters.put_successes.value());
  out.counter("put_errors_total", "Puts that failed for another reason than a full channel.",
              counters.put_errors.value());
  out.counter("event_take_attempts_total", "Takes that sinks tried.",
              counters.take_attempts.value());
  out.counter("event_takes_total", "Events taken and acknowledged.",
              counters.take_successes.value());
  out.counter("take_errors_total", "Takes that failed.", counters.take_errors.value());
  out.gauge("capacity_events", "Most events the channel holds.",
            static_cast<double>(channel.capacity_events()));
  live.while_open([&](const channel::Channel& open) {
    const auto size = static_cast<double>(open.size_events());
    const auto capacity = static_cast<double>(open.capacity_events());
    out.gauge("events", "Events put and not yet acknowledged.", size);
    out.gauge("fill_ratio", "Share of the capacity in use, 0 to 1.",
              capacity > 0 ? size / capacity : 0.0);
    out.gauge("seconds_to_full", "Until it is full, at the pace of the last minute; +Inf: never.",
              live.seconds_to_full(now_ns, open.size_events()));
    open.collect(out);
  });
}

void collect_source(const SourceUnit& unit, MetricSink& out) {
  const SourceCounters& counters = unit.source->counters();
  out.counter("events_received_total", "Events read from outside.",
              counters.events_received.value());
  out.counter("events_accepted_total", "Events that every required channel committed.",
              counters.events_accepted.value());
  out.counter("appends_received_total", "Single events received by a request.",
              counters.append_received.value());
  out.counter("appends_accepted_total", "Single events accepted.",
              counters.append_accepted.value());
  out.counter("append_batches_received_total", "Batches received.",
              counters.append_batches_received.value());
  out.counter("append_batches_accepted_total", "Batches accepted.",
              counters.append_batches_accepted.value());
  out.counter("connections_opened_total", "Connections accepted.",
              counters.open_connections.value());
  out.counter("connections_closed_total", "Connections that have ended.",
              counters.closed_connections.value());
  out.counter("read_failures_total", "Reads from outside that failed.",
              counters.read_failures.value());
  out.counter("channel_write_failures_total", "Batches the channels did not take.",
              counters.channel_write_failures.value());
  out.counter("processing_failures_total", "Events or batches the source could not handle.",
              counters.processing_failures.value());
  unit.processor->collect(out);
  unit.runner->collect(out);
  unit.open.while_set([&] { unit.source->collect(out); });
}

void collect_sink(const SinkUnit& unit, MetricSink& out) {
  const SinkCounters& counters = unit.sink->counters();
  out.counter("connections_created_total", "Connections opened.",
              counters.connections_created.value());
  out.counter("connections_closed_total", "Connections closed.",
              counters.connections_closed.value());
  out.counter("connections_failed_total", "Connections that could not be opened.",
              counters.connections_failed.value());
  out.counter("batches_empty_total", "Takes that found nothing.", counters.batches_empty.value());
  out.counter("batches_underflow_total", "Batches smaller than the batch size.",
              counters.batches_underflow.value());
  out.counter("batches_complete_total", "Batches of full size.", counters.batches_complete.value());
  out.counter("event_drain_attempts_total", "Events handed to the sink, repeats included.",
              counters.drain_attempts.value());
  out.counter("event_drains_total", "Events delivered and acknowledged.",
              counters.drain_successes.value());
  out.counter("write_failures_total", "Batches the sink could not deliver.",
              counters.write_failures.value());
  out.counter("channel_read_failures_total", "Takes and acknowledgements the channel failed.",
              counters.channel_read_failures.value());
  unit.pump->collect(out);
  unit.open.while_set([&] { unit.sink->collect(out); });
}

// One series per state and sink, of which one is 1: what a dashboard can plot.
void collect_group(const SinkGroupUnit& group, MetricFamilies& families) {
  constexpr std::array kStates{SinkState::kWaiting, SinkState::kStandby, SinkState::kLive,
                               SinkState::kPenalised};
  const std::vector<SinkState> states = group.processor->states();
  for (std::size_t i = 0; i < states.size(); ++i) {
    for (const SinkState state : kStates) {
      families.add_gauge("spillway_sink_group_state",
                         "1 for the state a sink of the group is in: live worked last.",
                         {{"component", group.label.name},
                          {"sink", group.sinks[i]->label.name},
                          {"state", std::string(sink_state_name(state))}},
                         states[i] == state ? 1 : 0);
    }
  }
}

void collect_interceptors(const SourceUnit& unit, MetricFamilies& families) {
  const auto chain = unit.processor->interceptors();
  if (chain == nullptr) return;
  chain->for_each([&](const std::string& name, const auto& collect) {
    ComponentMetrics out(families, "spillway_interceptor_",
                         {{"component", unit.label.name}, {"interceptor", name}});
    collect(out);
  });
}

void collect_status(const ComponentStatus& status, MetricFamilies& families) {
  const MetricLabels labels{{"component", status.name},
                            {"kind", std::string(kind_name(status.kind))},
                            {"type", status.type}};
  families.add_gauge("spillway_component_up", "1 while the component is started.", labels,
                     status.state == ComponentState::kStarted ? 1 : 0);
  families.add_counter("spillway_component_start_failures_total", "Failed tries to start.", labels,
                       status.start_failures);
}

void collect_reloads(const ReloadLog::State& state, MetricFamilies& families) {
  const auto count = [&families](Reload::Outcome outcome, std::uint64_t value) {
    families.add_counter("spillway_config_reloads_total", "Loads of the configuration after start.",
                         {{"outcome", std::string(outcome_name(outcome))}}, value);
  };
  count(Reload::Outcome::kApplied, state.applied);
  count(Reload::Outcome::kUnchanged, state.unchanged);
  count(Reload::Outcome::kRefused, state.refused);
  families.add_gauge("spillway_config_refused", "1 while the last load was refused.", {},
                     state.last.outcome == Reload::Outcome::kRefused ? 1 : 0);
}

}  // namespace

MetricsRegistry::MetricsRegistry(const Agent& agent, const Clock& clock, const ReloadLog* reloads)
    : agent_(agent), clock_(clock), reloads_(reloads), started_ms_(clock.wall_ms()) {}

std::string MetricsRegistry::prometheus_text() const {
  MetricFamilies families;
  for (const ComponentStatus& status : agent_.status()) collect_status(status, families);
  const auto running = agent_.pipeline();
  const Pipeline& pipeline = *running;
  for (const auto& live : pipeline.channels) {
    ComponentMetrics out(families, "spillway_channel_", {{"component", live->name()}});
    collect_channel(*live, clock_.monotonic_ns(), out);
  }
  for (const auto& unit : pipeline.sources) {
    ComponentMetrics out(families, "spillway_source_", {{"component", unit->label.name}});
    collect_source(*unit, out);
    collect_interceptors(*unit, families);
  }
  for (const auto& unit : pipeline.sinks) {
    ComponentMetrics out(families, "spillway_sink_", {{"component", unit->label.name}});
    collect_sink(*unit, out);
  }
  for (const auto& group : pipeline.groups) {
    if (group->is_configured) collect_group(*group, families);
  }
  if (reloads_ != nullptr) collect_reloads(reloads_->state(), families);
  families.add_gauge("spillway_build_info", "Always 1; the label says which version runs.",
                     {{"version", std::string(version())}}, 1);
  families.add_gauge("spillway_start_time_seconds", "When the agent started, since 1970.", {},
                     static_cast<double>(started_ms_) / 1000.0);
  collect_process(families);
  return families.text();
}

}  // namespace spillway::agent
