#include "agent/sink_runner.h"

#include <algorithm>
#include <utility>

#include "agent/thread_name.h"

namespace spillway::agent {
namespace {

// While draining, other sinks may hold the channel's last events and give them back.
constexpr std::chrono::milliseconds kDrainWait{20};

// An interrupt that comes just before the wait it is meant for is lost: it is repeated.
constexpr std::chrono::milliseconds kInterruptStep{10};

}  // namespace

SinkRunner::SinkRunner(std::string name, SinkProcessor& processor, const SinkRunnerOptions& options)
    : name_(std::move(name)),
      processor_(processor),
      idle_wait_(options.idle_wait),
      failure_backoff_(options.failure, options.seed) {}

void SinkRunner::start() {
  if (thread_.joinable()) return;
  is_running_.store(true);
  thread_ = std::thread([this] {
    run();
    is_running_.store(false);
    ended_.request();
  });
}

void SinkRunner::interrupt() {
  if (!is_running_.load()) return;
  const bool is_stopping = stop_.is_requested();
  for (SinkPump* const pump : processor_.pumps()) pump->interrupt(is_stopping);
}

void SinkRunner::request_drain() {
  is_draining_.store(true, std::memory_order_relaxed);
  interrupt();
}

void SinkRunner::request_stop() {
  stop_.request();
  interrupt();
}

bool SinkRunner::wait_ended(std::chrono::milliseconds duration) {
  if (!thread_.joinable()) return true;
  const auto deadline = std::chrono::steady_clock::now() + duration;
  while (!ended_.wait_for(std::min(kInterruptStep, duration))) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    interrupt();
  }
  return true;
}

void SinkRunner::join() {
  request_stop();
  if (!thread_.joinable()) return;
  while (!ended_.wait_for(kInterruptStep)) interrupt();
  thread_.join();
}

void SinkRunner::run() {
  name_this_thread("sink", name_);
  while (!stop_.is_requested()) {
    const bool is_draining = is_draining_.load(std::memory_order_relaxed);
    const auto round = processor_.process(
        {.wait = is_draining ? kDrainWait : idle_wait_, .is_idle_told = !is_draining}, stop_);
    if (!round.has_value()) {
      stop_.wait_for(failure_backoff_.next());
      continue;
    }
    failure_backoff_.reset();
    if (round.value() == Round::kDelivered || !is_draining) continue;
    if (are_channels_empty()) return;
    stop_.wait_for(kDrainWait);
  }
}

bool SinkRunner::are_channels_empty() const {
  const auto& pumps = processor_.pumps();
  return std::all_of(pumps.begin(), pumps.end(), [](const SinkPump* pump) {
    return !pump->is_open() || pump->channel().size_events() == 0;
  });
}

}  // namespace spillway::agent
