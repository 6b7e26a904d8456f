// Agent::replace(): from one pipeline to the next without touching what both have.

#include <algorithm>
#include <utility>

#include "agent/agent.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::chrono::milliseconds kMovePause{20};  // until a channel has room or is open

template <class Unit>
using Units = std::vector<std::shared_ptr<Unit>>;

template <class Unit>
bool contains(const Units<Unit>& units, const std::shared_ptr<Unit>& unit) {
  return std::find(units.begin(), units.end(), unit) != units.end();
}

/// Those of `from` that are not in `what`.
template <class Unit>
Units<Unit> without(const Units<Unit>& from, const Units<Unit>& what) {
  Units<Unit> rest;
  for (const auto& unit : from) {
    if (!contains(what, unit)) rest.push_back(unit);
  }
  return rest;
}

/// A channel whose events would be lost with it, and the one of its name that comes next.
struct Move {
  std::shared_ptr<LiveChannel> from;
  std::shared_ptr<LiveChannel> to;
};

std::vector<Move> moves_of(const Units<LiveChannel>& gone, const Units<LiveChannel>& next) {
  std::vector<Move> moves;
  for (const auto& from : gone) {
    if (from->channel().survives_stop()) continue;
    for (const auto& to : next) {
      if (to->name() == from->name()) moves.push_back({from, to});
    }
  }
  return moves;
}

bool is_moved(const std::vector<Move>& moves, const std::shared_ptr<LiveChannel>& channel) {
  return std::any_of(moves.begin(), moves.end(),
                     [&channel](const Move& move) { return move.from == channel; });
}

/// Of `sources`, those that put into a channel which gets the events of a former one first.
Units<SourceUnit> sources_behind(const Units<SourceUnit>& sources, const std::vector<Move>& moves) {
  Units<SourceUnit> behind;
  for (const auto& unit : sources) {
    const bool must_wait = std::any_of(moves.begin(), moves.end(), [&unit](const Move& move) {
      return contains(unit->channels, move.to);
    });
    if (must_wait) behind.push_back(unit);
  }
  return behind;
}

/// Puts what was taken from one channel into the next; the events are in one of them at any time.
Result<void> move_batch(LiveChannel& from, LiveChannel& to, std::size_t events_max) {
  auto taken = from.channel().take(events_max, std::chrono::milliseconds(0));
  if (!taken.has_value()) return taken.error();
  channel::EventBatch batch;
  for (const channel::EventView& event : taken.value()->events()) batch.add(event);
  if (batch.is_empty()) return {};
  TRY(to.put(batch));
  return taken.value()->commit();
}

}  // namespace

bool Agent::replace(NextPipeline next, std::chrono::milliseconds drain_max) {
  const MutexLock lock(lifecycle_mutex_);
  if (is_stopped_) return false;
  supervisor_.stop();
  const auto former = pipeline();
  const auto now = std::make_shared<const Pipeline>(std::move(next.pipeline));
  const auto gone_channels = without(former->channels, now->channels);
  const auto new_channels = without(now->channels, former->channels);
  const std::vector<Move> moves = moves_of(gone_channels, now->channels);

  stop(without(former->sources, now->sources));
  // A flow into channels that run already takes over at once; the others wait for theirs.
  std::vector<NextPipeline::FlowChange> waiting;
  const auto give_flow = [&now](NextPipeline::FlowChange& change) {
    change.source->required_channels = now->channels_at(change.flow.required_channels);
    auto channels = now->channels_at(change.flow.channels);
    change.source->processor->replace(processor_flow(std::move(change.flow), channels));
    change.source->channels = std::move(channels);
  };
  for (NextPipeline::FlowChange& change : next.flows) {
    const auto channels = now->channels_at(change.flow.channels);
    const bool must_wait = std::any_of(
        channels.begin(), channels.end(),
        [&new_channels](const auto& channel) { return contains(new_channels, channel); });
    if (must_wait) {
      change.source->processor->pause();
      waiting.push_back(std::move(change));
    } else {
      give_flow(change);
    }
  }

  const auto gone_groups = without(former->groups, now->groups);
  Units<LiveChannel> left_out;
  for (const auto& channel : gone_channels) {
    if (!is_moved(moves, channel)) left_out.push_back(channel);
  }
  drain(gone_groups, left_out, drain_max);
  stop(gone_groups, without(former->sinks, now->sinks));
  stop(left_out);

  for (NextPipeline::FlowChange& change : waiting) {
    change.source->required_channels = now->channels_at(change.flow.required_channels);
  }
  // Their first events come after those that are there already.
  const auto late = sources_behind(without(now->sources, former->sources), moves);
  adopt(*former, *now, late);
  publish(now);
  start_supervisor();
  for (const Move& move : moves) {
    move_events(*move.from, *move.to, drain_max);
    move.from->stop();
  }
  for (NextPipeline::FlowChange& change : waiting) give_flow(change);
  if (late.empty()) return true;
  supervisor_.stop();
  for (const auto& unit : late) supervise(unit);
  start_supervisor();
  return true;
}

void Agent::start_supervisor() {
  if (!is_started_) return;
  supervisor_.start();
  supervisor_.wait_first_round();
}

void Agent::adopt(const Pipeline& former, const Pipeline& next, const Units<SourceUnit>& late) {
  for (const auto& unit : next.channels) {
    if (!contains(former.channels, unit)) supervise(unit);
  }
  for (const auto& group : next.groups) {
    for (const auto& unit : group->sinks) unit->group = group.get();
    start_group(*group);  // of sinks that run already and change from one group to another
  }
  for (const auto& unit : next.sinks) {
    if (!contains(former.sinks, unit)) supervise(unit);
  }
  for (const auto& unit : next.sources) {
    if (contains(former.sources, unit)) {
      supervisor_.set_needs(ids_.at(unit.get()), ids_of(unit->required_channels));
    } else if (!contains(late, unit)) {
      supervise(unit);
    }
  }
  std::vector<const void*> gone;
  for (const auto& unit : without(former.sources, next.sources)) gone.push_back(unit.get());
  for (const auto& unit : without(former.sinks, next.sinks)) gone.push_back(unit.get());
  for (const auto& unit : without(former.channels, next.channels)) gone.push_back(unit.get());
  for (const void* const unit : gone) {
    supervisor_.remove(ids_.at(unit));
    ids_.erase(unit);
  }
}

void Agent::move_events(LiveChannel& from, LiveChannel& to, std::chrono::milliseconds move_max) {
  const auto deadline = std::chrono::steady_clock::now() + move_max;
  const auto events_max = static_cast<std::size_t>(
      std::min(from.channel().transaction_capacity(), to.channel().transaction_capacity()));
  bool is_open = false;
  from.while_open([&is_open](const channel::Channel&) { is_open = true; });
  if (!is_open) return;
  const std::uint64_t before = from.channel().size_events();
  while (from.channel().size_events() > 0 && std::chrono::steady_clock::now() < deadline) {
    const auto moved = move_batch(from, to, std::max<std::size_t>(1, events_max));
    if (!moved.has_value() && hurried_.wait_for(kMovePause)) break;
  }
  const std::uint64_t lost = from.channel().size_events();
  log_info("agent.events_moved", "what the former channel of this name held is in the next one",
           {{"channel", to.name()}, {"events", before - lost}});
  if (lost == 0) return;
  log_error("agent.events_dropped",
            "a channel was replaced and the next one did not take all of its events in time",
            {{"channel", to.name()}, {"events", lost}});
}

}  // namespace spillway::agent
