#include "agent/agent.h"

#include <algorithm>
#include <utility>

#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::chrono::milliseconds kSlowStop{5000};

// What cannot be interrupted is waited for: a log line says for whom.
template <class Runner>
void join_runner(Runner& runner, ComponentKind kind, const std::string& name) {
  runner.request_stop();
  if (!runner.wait_ended(kSlowStop)) {
    log_warn("agent.stop_slow", "a component does not return from its work; waiting for it",
             {{"kind", kind_name(kind)}, {"name", name}});
  }
  runner.join();
}

}  // namespace

Agent::Agent(Pipeline pipeline, const Clock& clock, const LifecycleOptions& options)
    : pipeline_(std::move(pipeline)), supervisor_(clock, options.start_retry, options.seed) {
  supervise_channels();
  supervise_sinks();
  supervise_sources();
}

Agent::~Agent() {
  stop(std::chrono::milliseconds(0));
}

void Agent::supervise_channels() {
  for (const auto& channel : pipeline_.channels) {
    channel_ids_.push_back(supervisor_.add(
        {.kind = ComponentKind::kChannel, .name = channel->name(), .type = channel->type()},
        [raw = channel.get()] { return raw->start(); }, {}));
  }
}

void Agent::supervise_sinks() {
  for (const auto& unit : pipeline_.sinks) {
    SinkRunner* const runner = pipeline_.groups[unit->group]->runner.get();
    const auto start = [raw = unit.get(), runner]() -> Result<void> {
      TRY(raw->sink->start());
      raw->open.set(true);
      runner->start();
      return {};
    };
    sink_ids_.push_back(supervisor_.add(
        {.kind = ComponentKind::kSink, .name = unit->label.name, .type = unit->label.type}, start,
        {channel_ids_[unit->channel]}));
  }
}

void Agent::supervise_sources() {
  for (const auto& unit : pipeline_.sources) {
    const auto start = [raw = unit.get()]() -> Result<void> {
      TRY(raw->source->start());
      raw->open.set(true);
      raw->runner->start();
      return {};
    };
    std::vector<std::size_t> needs;
    for (const std::size_t index : unit->required_channels) needs.push_back(channel_ids_[index]);
    source_ids_.push_back(supervisor_.add(
        {.kind = ComponentKind::kSource, .name = unit->label.name, .type = unit->label.type}, start,
        std::move(needs)));
  }
}

void Agent::start() {
  supervisor_.start();
}

void Agent::stop(std::chrono::milliseconds drain) {
  const MutexLock lock(stop_mutex_);
  if (is_stopped_) return;
  is_stopped_ = true;
  supervisor_.stop();
  stop_sources();
  drain_sinks(drain);
  stop_sinks();
  stop_channels();
}

void Agent::hurry() {
  for (const auto& unit : pipeline_.sources) unit->runner->request_stop();
  for (const auto& group : pipeline_.groups) group->runner->request_stop();
}

Agent::Switched Agent::force_spilling(std::string_view channel, bool is_forced) {
  for (const auto& live : pipeline_.channels) {
    if (live->name() != channel) continue;
    if (!live->channel().force_spilling(is_forced)) return Switched::kNothingToSwitch;
    log_info("agent.spilling_forced", "events go to disk at once, or no longer do",
             {{"channel", live->name()}, {"forced", is_forced ? "true" : "false"}});
    return Switched::kDone;
  }
  return Switched::kUnknown;
}

void Agent::force_spilling(bool is_forced) {
  for (const auto& live : pipeline_.channels) force_spilling(live->name(), is_forced);
}

void Agent::stop_sources() {
  for (const auto& unit : pipeline_.sources) unit->runner->request_stop();
  for (std::size_t i = 0; i < pipeline_.sources.size(); ++i) {
    SourceUnit& unit = *pipeline_.sources[i];
    join_runner(*unit.runner, ComponentKind::kSource, unit.label.name);
    unit.open.set(false);
    unit.source->stop();
    supervisor_.set_stopped(source_ids_[i]);
  }
}

bool Agent::must_drain(const SinkGroupUnit& group) const {
  return std::any_of(group.sinks.begin(), group.sinks.end(), [this](std::size_t index) {
    const SinkUnit& unit = *pipeline_.sinks[index];
    return unit.open.is_set() && !pipeline_.channels[unit.channel]->channel().survives_stop();
  });
}

void Agent::drain_sinks(std::chrono::milliseconds drain) {
  if (drain.count() <= 0) return;
  bool is_draining = false;
  for (const auto& group : pipeline_.groups) {
    if (must_drain(*group)) {
      group->runner->request_drain();
      is_draining = true;
    } else {
      group->runner->request_stop();
    }
  }
  if (!is_draining) return;
  log_info("agent.draining", "sinks empty the channels that do not survive a stop",
           {{"deadline_ms", drain.count()}});
  const auto deadline = std::chrono::steady_clock::now() + drain;
  for (const auto& group : pipeline_.groups) {
    if (!must_drain(*group)) continue;
    const auto left = deadline - std::chrono::steady_clock::now();
    group->runner->wait_ended(
        std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), {}));
  }
}

void Agent::stop_sinks() {
  for (const auto& group : pipeline_.groups) group->runner->request_stop();
  for (const auto& group : pipeline_.groups) {
    join_runner(*group->runner, ComponentKind::kSink, group->label.name);
  }
  for (std::size_t i = 0; i < pipeline_.sinks.size(); ++i) {
    SinkUnit& unit = *pipeline_.sinks[i];
    unit.open.set(false);
    unit.sink->stop();
    supervisor_.set_stopped(sink_ids_[i]);
  }
}

void Agent::stop_channels() {
  for (std::size_t i = 0; i < pipeline_.channels.size(); ++i) {
    LiveChannel& live = *pipeline_.channels[i];
    live.while_open([&live](const channel::Channel& channel) {
      const std::uint64_t events = channel.size_events();
      // A channel that drops events says so itself.
      if (events == 0 || !channel.survives_stop()) return;
      log_info("agent.events_kept", "the channel keeps its events for the next start",
               {{"channel", live.name()}, {"events", events}});
    });
    live.stop();
    supervisor_.set_stopped(channel_ids_[i]);
  }
}

}  // namespace spillway::agent
