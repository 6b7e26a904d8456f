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
    : supervisor_(clock, options.start_retry, options.seed) {
  const auto first = std::make_shared<const Pipeline>(std::move(pipeline));
  const MutexLock lock(lifecycle_mutex_);
  adopt({}, *first, {});
  publish(first);
}

Agent::~Agent() {
  stop(std::chrono::milliseconds(0));
}

std::shared_ptr<const Pipeline> Agent::pipeline() const {
  const MutexLock lock(pipeline_mutex_);
  return pipeline_;
}

void Agent::publish(std::shared_ptr<const Pipeline> next) {
  const MutexLock lock(pipeline_mutex_);
  pipeline_.swap(next);
}

void Agent::supervise(const std::shared_ptr<LiveChannel>& channel) {
  ids_[channel.get()] = supervisor_.add(
      {.kind = ComponentKind::kChannel, .name = channel->name(), .type = channel->type()},
      [raw = channel.get()] { return raw->start(); }, {});
}

void Agent::supervise(const std::shared_ptr<SinkUnit>& unit) {
  const auto start = [raw = unit.get()]() -> Result<void> {
    raw->is_tried = true;
    auto started = raw->sink->start();
    if (started.has_value()) raw->open.set(true);
    start_group(*raw->group);
    return started;
  };
  ids_[unit.get()] = supervisor_.add(
      {.kind = ComponentKind::kSink, .name = unit->label.name, .type = unit->label.type}, start,
      ids_of({unit->channel}));
}

void Agent::supervise(const std::shared_ptr<SourceUnit>& unit) {
  const auto start = [raw = unit.get()]() -> Result<void> {
    TRY(raw->source->start());
    raw->open.set(true);
    raw->runner->start();
    return {};
  };
  ids_[unit.get()] = supervisor_.add(
      {.kind = ComponentKind::kSource, .name = unit->label.name, .type = unit->label.type}, start,
      ids_of(unit->required_channels));
}

std::vector<std::size_t> Agent::ids_of(
    const std::vector<std::shared_ptr<LiveChannel>>& channels) const {
  std::vector<std::size_t> ids;
  for (const auto& channel : channels) ids.push_back(ids_.at(channel.get()));
  return ids;
}

// Begins once every sink has been tried that can be: the first events are for the sink that the
// processor prefers, not for the one that starts first.
void Agent::start_group(SinkGroupUnit& group) {
  bool is_any_open = false;
  for (const auto& unit : group.sinks) {
    bool can_be_tried = false;
    unit->channel->while_open([&can_be_tried](const channel::Channel&) { can_be_tried = true; });
    if (can_be_tried && !unit->is_tried) return;
    is_any_open = is_any_open || unit->open.is_set();
  }
  if (is_any_open) group.runner->start();
}

void Agent::start() {
  const MutexLock lock(lifecycle_mutex_);
  is_started_ = true;
  if (!is_stopped_) supervisor_.start();
}

void Agent::stop(std::chrono::milliseconds drain_max) {
  const MutexLock lock(lifecycle_mutex_);
  if (is_stopped_) return;
  is_stopped_ = true;
  supervisor_.stop();
  const auto running = pipeline();
  stop(running->sources);
  drain(running->groups, running->channels, drain_max);
  stop(running->groups, running->sinks);
  stop(running->channels);
}

void Agent::hurry() {
  hurried_.request();
  const auto running = pipeline();
  for (const auto& unit : running->sources) unit->runner->request_stop();
  for (const auto& group : running->groups) group->runner->request_stop();
}

Agent::Switched Agent::force_spilling(std::string_view channel, bool is_forced) {
  const auto running = pipeline();
  for (const auto& live : running->channels) {
    if (live->name() != channel) continue;
    if (!live->channel().force_spilling(is_forced)) return Switched::kNothingToSwitch;
    log_info("agent.spilling_forced", "events go to disk at once, or no longer do",
             {{"channel", live->name()}, {"forced", is_forced ? "true" : "false"}});
    return Switched::kDone;
  }
  return Switched::kUnknown;
}

void Agent::force_spilling(bool is_forced) {
  const auto running = pipeline();
  for (const auto& live : running->channels) force_spilling(live->name(), is_forced);
}

void Agent::stop(const std::vector<std::shared_ptr<SourceUnit>>& sources) {
  for (const auto& unit : sources) unit->runner->request_stop();
  for (const auto& unit : sources) {
    join_runner(*unit->runner, ComponentKind::kSource, unit->label.name);
    unit->open.set(false);
    unit->source->stop();
    supervisor_.set_stopped(ids_.at(unit.get()));
  }
}

void Agent::drain(const std::vector<std::shared_ptr<SinkGroupUnit>>& groups,
                  const std::vector<std::shared_ptr<LiveChannel>>& channels,
                  std::chrono::milliseconds drain_max) {
  if (drain_max.count() <= 0) return;
  const auto must_drain = [&channels](const std::shared_ptr<SinkGroupUnit>& group) {
    return std::any_of(group->sinks.begin(), group->sinks.end(), [&channels](const auto& unit) {
      return unit->open.is_set() && !unit->channel->channel().survives_stop() &&
             std::find(channels.begin(), channels.end(), unit->channel) != channels.end();
    });
  };
  bool is_draining = false;
  for (const auto& group : groups) {
    if (must_drain(group)) {
      group->runner->request_drain();
      is_draining = true;
    } else {
      group->runner->request_stop();
    }
  }
  if (!is_draining) return;
  log_info("agent.draining", "sinks empty the channels that do not survive a stop",
           {{"deadline_ms", drain_max.count()}});
  const auto deadline = std::chrono::steady_clock::now() + drain_max;
  for (const auto& group : groups) {
    if (!must_drain(group)) continue;
    const auto left = deadline - std::chrono::steady_clock::now();
    group->runner->wait_ended(
        std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), {}));
  }
}

void Agent::stop(const std::vector<std::shared_ptr<SinkGroupUnit>>& groups,
                 const std::vector<std::shared_ptr<SinkUnit>>& sinks) {
  for (const auto& group : groups) group->runner->request_stop();
  for (const auto& group : groups) {
    join_runner(*group->runner, ComponentKind::kSink, group->label.name);
  }
  for (const auto& unit : sinks) {
    unit->open.set(false);
    unit->sink->stop();
    supervisor_.set_stopped(ids_.at(unit.get()));
  }
}

void Agent::stop(const std::vector<std::shared_ptr<LiveChannel>>& channels) {
  for (const auto& live : channels) {
    live->while_open([&live](const channel::Channel& channel) {
      const std::uint64_t events = channel.size_events();
      // A channel that drops events says so itself.
      if (events == 0 || !channel.survives_stop()) return;
      log_info("agent.events_kept", "the channel keeps its events for the next start",
               {{"channel", live->name()}, {"events", events}});
    });
    live->stop();
    supervisor_.set_stopped(ids_.at(live.get()));
  }
}

}  // namespace spillway::agent
