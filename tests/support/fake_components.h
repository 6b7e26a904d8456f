// FakeSink and FakeSource: components that record what the runtime does to them.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "agent/component.h"

namespace spillway::test {

/// What happened to several components, in order: "channel c1 start".
class Journal {
 public:
  void add(std::string line) {
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
  }
  [[nodiscard]] std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

/// Thread-safe. Keeps the bodies it delivered; fails while told to.
class FakeSink final : public agent::Sink {
 public:
  using Deliver = std::function<Result<void>(std::span<const channel::EventView>)>;

  explicit FakeSink(std::size_t batch_size = 10) : batch_size_(batch_size) {}

  void fail_starts(int count) { start_failures_ = count; }
  void fail_delivers(int count) { deliver_failures_ = count; }
  /// Runs before each deliver, on the runner's thread; its error fails the deliver.
  void on_deliver(Deliver hook) { hook_ = std::move(hook); }
  void set_journal(Journal& journal) { journal_ = &journal; }

  [[nodiscard]] std::vector<std::string> delivered() const {
    const std::lock_guard lock(mutex_);
    return delivered_;
  }
  /// Every non-empty batch handed over, failed ones included: "a,b".
  [[nodiscard]] std::vector<std::string> offered() const {
    const std::lock_guard lock(mutex_);
    return offered_;
  }
  [[nodiscard]] int idle_delivers() const { return idle_delivers_; }
  [[nodiscard]] int interrupt_count() const { return interrupt_count_; }
  [[nodiscard]] int start_count() const { return start_count_; }
  [[nodiscard]] int stop_count() const { return stop_count_; }
  [[nodiscard]] bool is_started() const { return is_started_; }

  // agent::Sink
  Result<void> start() override {
    ++start_count_;
    if (start_failures_ > 0) {
      --start_failures_;
      return Error{.code = Errc::kUnavailable, .what = "scripted start failure"};
    }
    if (journal_ != nullptr) journal_->add("sink start");
    is_started_ = true;
    return {};
  }
  void stop() override {
    ++stop_count_;
    is_started_ = false;
    if (journal_ != nullptr) journal_->add("sink stop");
  }
  [[nodiscard]] std::size_t batch_size() const override { return batch_size_; }
  void interrupt() override { ++interrupt_count_; }
  Result<void> deliver(std::span<const channel::EventView> batch) override {
    CHECK(is_started_);
    if (batch.empty()) ++idle_delivers_;
    remember_offer(batch);
    if (hook_) TRY(hook_(batch));
    if (!batch.empty() && deliver_failures_ > 0) {
      --deliver_failures_;
      return Error{.code = Errc::kUnavailable, .what = "scripted deliver failure"};
    }
    const std::lock_guard lock(mutex_);
    for (const channel::EventView& event : batch) delivered_.emplace_back(event.body());
    return {};
  }

 private:
  void remember_offer(std::span<const channel::EventView> batch) {
    if (batch.empty()) return;
    std::string line;
    for (const channel::EventView& event : batch) {
      if (!line.empty()) line += ',';
      line += event.body();
    }
    const std::lock_guard lock(mutex_);
    offered_.push_back(std::move(line));
  }

  const std::size_t batch_size_;
  Deliver hook_;
  Journal* journal_ = nullptr;

  std::atomic<int> start_failures_{0};
  std::atomic<int> deliver_failures_{0};
  std::atomic<int> interrupt_count_{0};
  std::atomic<int> idle_delivers_{0};
  std::atomic<int> start_count_{0};
  std::atomic<int> stop_count_{0};
  std::atomic<bool> is_started_{false};

  mutable std::mutex mutex_;
  std::vector<std::string> delivered_;
  std::vector<std::string> offered_;
};

/// Thread-safe. Each poll() asks the test's function; without one it is event-driven.
class FakeSource final : public agent::Source {
 public:
  using PollFunction = std::function<Result<Poll>(agent::EventReceiver*)>;

  explicit FakeSource(agent::EventReceiver* receiver = nullptr) : receiver_(receiver) {}

  void on_poll(PollFunction function) { function_ = std::move(function); }
  void fail_starts(int count) { start_failures_ = count; }
  void set_journal(Journal& journal) { journal_ = &journal; }

  [[nodiscard]] int polls() const { return polls_; }
  [[nodiscard]] int start_count() const { return start_count_; }
  [[nodiscard]] int stop_count() const { return stop_count_; }
  [[nodiscard]] bool is_started() const { return is_started_; }
  [[nodiscard]] agent::SourceCounters& mutable_counters() { return counters_; }

  // agent::Source
  Result<void> start() override {
    ++start_count_;
    if (start_failures_ > 0) {
      --start_failures_;
      return Error{.code = Errc::kUnavailable, .what = "scripted start failure"};
    }
    if (journal_ != nullptr) journal_->add("source start");
    is_started_ = true;
    return {};
  }
  void stop() override {
    ++stop_count_;
    is_started_ = false;
    if (journal_ != nullptr) journal_->add("source stop");
  }
  Result<Poll> poll() override {
    CHECK(is_started_);
    ++polls_;
    return function_ ? function_(receiver_) : Result<Poll>(Poll::kNotPolled);
  }

 private:
  agent::EventReceiver* const receiver_;
  PollFunction function_;
  Journal* journal_ = nullptr;
  std::atomic<int> start_failures_{0};
  std::atomic<int> polls_{0};
  std::atomic<int> start_count_{0};
  std::atomic<int> stop_count_{0};
  std::atomic<bool> is_started_{false};
};

}  // namespace spillway::test
