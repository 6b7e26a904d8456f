#include "agent/sink_pump.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "wal/base/log.h"

namespace spillway::agent {
namespace {

std::size_t most_events(const Sink& sink, const channel::Channel& channel) {
  const auto capacity = static_cast<std::size_t>(channel.transaction_capacity());
  return std::max<std::size_t>(1, std::min(sink.batch_size(), capacity));
}

}  // namespace

SinkPump::SinkPump(std::string name, Sink& sink, channel::Channel& channel, const OpenFlag& open,
                   const Clock& clock)
    : name_(std::move(name)),
      sink_(sink),
      channel_(channel),
      open_(open),
      clock_(clock),
      events_max_(most_events(sink, channel)) {}

void SinkPump::interrupt(bool is_stopping) {
  if (!is_open()) return;
  if (is_taking_.load()) channel_.interrupt_takes();
  if (is_stopping && is_delivering_.load()) sink_.interrupt();
}

Result<Round> SinkPump::run(const RoundOptions& options, const StopSignal& stop) {
  is_taking_.store(true);
  auto taken = channel_.take(events_max_, options.wait);
  is_taking_.store(false);
  if (!taken.has_value()) {
    sink_.counters().channel_read_failures.add();
    return fail("sink.take_failed", taken.error());
  }
  count_batch(taken.value()->events().size());
  if (!taken.value()->events().empty()) return deliver_and_commit(*taken.value());

  taken.value().reset();
  if (!options.is_idle_told || stop.is_requested()) return Round::kEmpty;
  const auto idled = deliver({});
  if (!idled.has_value()) return fail("sink.idle_failed", idled.error());
  succeed();
  return Round::kEmpty;
}

Result<Round> SinkPump::deliver_and_commit(channel::TakeTransaction& transaction) {
  SinkCounters& counters = sink_.counters();
  const std::size_t events = transaction.events().size();
  counters.drain_attempts.add(events);

  const std::uint64_t begin_ns = clock_.monotonic_ns();
  const auto delivered = deliver(transaction.events());
  deliver_ns_.record(clock_.monotonic_ns() - begin_ns);
  if (!delivered.has_value()) {
    transaction.rollback();
    counters.write_failures.add();
    return fail("sink.deliver_failed", delivered.error());
  }

  // The events are out; if the channel cannot drop them they go out once more.
  const auto committed = transaction.commit();
  if (!committed.has_value()) {
    counters.channel_read_failures.add();
    return fail("sink.commit_failed", committed.error());
  }
  counters.drain_successes.add(events);
  succeed();
  return Round::kDelivered;
}

Result<void> SinkPump::deliver(std::span<const channel::EventView> batch) {
  is_delivering_.store(true);
  auto delivered = sink_.deliver(batch);
  is_delivering_.store(false);
  const std::vector<RefusedEvent> refused = sink_.take_refused();
  if (!delivered.has_value() || refused.empty()) return delivered;
  return keep_refused(batch, refused);
}

Result<void> SinkPump::keep_refused(std::span<const channel::EventView> batch,
                                    std::span<const RefusedEvent> refused) {
  if (dead_letters_ != nullptr) {
    TRY(dead_letters_->add(batch, refused));
    dead_letters_added_.add(refused.size());
  } else {
    log_error("sink.events_refused", "events lost: the store refuses them for good",
              {{"sink", name_}, {"events", refused.size()}, {"reason", refused.front().reason}});
  }
  refused_events_.add(refused.size());
  return {};
}

void SinkPump::count_batch(std::size_t events) {
  SinkCounters& counters = sink_.counters();
  if (events == 0) {
    counters.batches_empty.add();
    return;
  }
  batch_events_.record(events);
  (events < events_max_ ? counters.batches_underflow : counters.batches_complete).add();
}

Error SinkPump::fail(const char* id, const Error& error) {
  if (episode_.fail(error)) {
    log_warn(id, "the sink will try again with back-off", {{"sink", name_}, {"error", error}});
  }
  return error;
}

void SinkPump::succeed() {
  const std::uint64_t failures = episode_.succeed();
  if (failures == 0) return;
  log_info("sink.recovered", "the sink works again", {{"sink", name_}, {"failures", failures}});
}

void SinkPump::collect(MetricSink& sink) const {
  sink.histogram("deliver_duration_ns", "Time the sink took for one batch.", deliver_ns_);
  sink.histogram("batch_events", "Events per batch handed to the sink.", batch_events_);
  sink.counter("refused_events_total", "Events the store refuses for good.",
               refused_events_.value());
  sink.counter("dead_letters_total", "Refused events that were kept as dead letters.",
               dead_letters_added_.value());
  sink.gauge("consecutive_failures", "Failed rounds since the last good one.",
             static_cast<double>(episode_.length()));
}

}  // namespace spillway::agent
