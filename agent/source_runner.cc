#include "agent/source_runner.h"

#include <utility>

#include "agent/thread_name.h"
#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::agent {

SourceRunner::SourceRunner(std::string name, Source& source, const SourceRunnerOptions& options)
    : name_(std::move(name)),
      source_(source),
      failure_backoff_(options.failure, options.seed),
      idle_delay_(options.idle) {}

void SourceRunner::start() {
  CHECK(!thread_.joinable());
  thread_ = std::thread([this] {
    run();
    ended_.request();
  });
}

bool SourceRunner::wait_ended(std::chrono::milliseconds duration) {
  return !thread_.joinable() || ended_.wait_for(duration);
}

void SourceRunner::join() {
  request_stop();
  if (thread_.joinable()) thread_.join();
}

void SourceRunner::run() {
  name_this_thread("src", name_);
  while (!stop_.is_requested()) {
    const auto polled = source_.poll();
    if (!polled.has_value()) {
      polls_.add();
      pause_after_failure(polled.error());
      continue;
    }
    if (polled.value() == Source::Poll::kNotPolled) return;
    polls_.add();
    end_episode();
    switch (polled.value()) {
      case Source::Poll::kReady:
        idle_delay_.reset();
        break;
      case Source::Poll::kIdle:
        idle_polls_.add();
        stop_.wait_for(idle_delay_.next());
        break;
      case Source::Poll::kFinished:
        is_finished_.store(true, std::memory_order_relaxed);
        log_info("source.finished", "the source has nothing more to read", {{"source", name_}});
        return;
      case Source::Poll::kNotPolled:
        return;
    }
  }
}

void SourceRunner::pause_after_failure(const Error& error) {
  failed_polls_.add();
  if (episode_.fail(error)) {
    log_warn("source.poll_failed", "the source will try again with back-off",
             {{"source", name_}, {"error", error}});
  }
  stop_.wait_for(failure_backoff_.next());
}

void SourceRunner::end_episode() {
  const std::uint64_t failures = episode_.succeed();
  if (failures == 0) return;
  failure_backoff_.reset();
  log_info("source.poll_recovered", "the source works again",
           {{"source", name_}, {"failures", failures}});
}

void SourceRunner::collect(MetricSink& sink) const {
  sink.counter("polls_total", "Rounds of a polled source.", polls_.value());
  sink.counter("idle_polls_total", "Rounds that found nothing to do.", idle_polls_.value());
  sink.counter("failed_polls_total", "Rounds that failed and are repeated.", failed_polls_.value());
  sink.gauge("consecutive_failures", "Failed rounds since the last good one.",
             static_cast<double>(episode_.length()));
}

}  // namespace spillway::agent
