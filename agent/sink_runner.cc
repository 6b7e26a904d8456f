#include "agent/sink_runner.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "agent/thread_name.h"
#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

// While draining, other sinks may hold the channel's last events and give them back.
constexpr std::chrono::milliseconds kDrainWait{20};

std::size_t most_events(const Sink& sink, const channel::Channel& channel) {
  const auto capacity = static_cast<std::size_t>(channel.transaction_capacity());
  return std::max<std::size_t>(1, std::min(sink.batch_size(), capacity));
}

}  // namespace

SinkRunner::SinkRunner(std::string name, Sink& sink, channel::Channel& channel, const Clock& clock,
                       const SinkRunnerOptions& options)
    : name_(std::move(name)),
      sink_(sink),
      channel_(channel),
      clock_(clock),
      idle_wait_(options.idle_wait),
      events_max_(most_events(sink, channel)),
      failure_backoff_(options.failure, options.seed) {}

void SinkRunner::start() {
  CHECK(!thread_.joinable());
  is_running_.store(true);
  thread_ = std::thread([this] {
    run();
    is_running_.store(false);
    ended_.request();
  });
}

void SinkRunner::request_drain() {
  is_draining_.store(true, std::memory_order_relaxed);
  if (is_running_.load()) channel_.interrupt_takes();
}

void SinkRunner::request_stop() {
  stop_.request();
  if (is_running_.load()) channel_.interrupt_takes();
}

bool SinkRunner::wait_ended(std::chrono::milliseconds duration) {
  return !thread_.joinable() || ended_.wait_for(duration);
}

void SinkRunner::join() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

void SinkRunner::run() {
  name_this_thread("sink", name_);
  while (!stop_.is_requested()) {
    const bool is_draining = is_draining_.load(std::memory_order_relaxed);
    switch (run_round(is_draining)) {
      case Round::kDelivered:
        break;
      case Round::kEmpty:
        if (!is_draining) break;
        if (channel_.size_events() == 0) return;
        stop_.wait_for(kDrainWait);
        break;
      case Round::kFailed:
        stop_.wait_for(failure_backoff_.next());
        break;
    }
  }
}

SinkRunner::Round SinkRunner::run_round(bool is_draining) {
  auto taken = channel_.take(events_max_, is_draining ? kDrainWait : idle_wait_);
  if (!taken.has_value()) {
    sink_.counters().channel_read_failures.add();
    return fail("sink.take_failed", taken.error());
  }
  count_batch(taken.value()->events().size());
  if (!taken.value()->events().empty()) return deliver_and_commit(*taken.value());

  taken.value().reset();
  if (is_draining || stop_.is_requested()) return Round::kEmpty;
  const auto idled = sink_.deliver({});
  if (!idled.has_value()) return fail("sink.idle_failed", idled.error());
  succeed();
  return Round::kEmpty;
}

SinkRunner::Round SinkRunner::deliver_and_commit(channel::TakeTransaction& transaction) {
  SinkCounters& counters = sink_.counters();
  const std::size_t events = transaction.events().size();
  counters.drain_attempts.add(events);

  const std::uint64_t begin_ns = clock_.monotonic_ns();
  const auto delivered = sink_.deliver(transaction.events());
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

void SinkRunner::count_batch(std::size_t events) {
  SinkCounters& counters = sink_.counters();
  if (events == 0) {
    counters.batches_empty.add();
    return;
  }
  batch_events_.record(events);
  (events < events_max_ ? counters.batches_underflow : counters.batches_complete).add();
}

SinkRunner::Round SinkRunner::fail(const char* id, const Error& error) {
  if (episode_.fail(error)) {
    log_warn(id, "the sink will try again with back-off", {{"sink", name_}, {"error", error}});
  }
  return Round::kFailed;
}

void SinkRunner::succeed() {
  const std::uint64_t failures = episode_.succeed();
  if (failures == 0) return;
  failure_backoff_.reset();
  log_info("sink.recovered", "the sink works again", {{"sink", name_}, {"failures", failures}});
}

void SinkRunner::collect(MetricSink& sink) const {
  sink.histogram("deliver_duration_ns", "Time the sink took for one batch.", deliver_ns_);
  sink.histogram("batch_events", "Events per batch handed to the sink.", batch_events_);
  sink.gauge("consecutive_failures", "Failed rounds since the last good one.",
             static_cast<double>(episode_.length()));
}

}  // namespace spillway::agent
