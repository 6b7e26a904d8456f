// FakeChannel: the channel contract over a deque, with failures on cue.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channel/channel.h"
#include "wal/bookmark.h"

namespace spillway::test {

/// Thread-safe. Events taken and given back return to the front, in order.
class FakeChannel final : public channel::Channel {
 public:
  explicit FakeChannel(std::uint64_t capacity = 1000, bool survives_stop = false)
      : capacity_(capacity), survives_stop_(survives_stop) {}

  // Script, for the test.
  void fail_starts(int count) { set(start_failures_, count); }
  void fail_puts(int count) { set(put_failures_, count); }
  void fail_takes(int count) { set(take_failures_, count); }
  void fail_commits(int count) { set(commit_failures_, count); }

  /// As an interrupt that comes just before the take it is meant for.
  void lose_interrupts(int count) { set(lost_interrupts_, count); }

  void fail_for_good() {
    const std::lock_guard lock(mutex_);
    is_failed_ = true;
  }

  // What happened, for the test.
  [[nodiscard]] bool is_started() const { return get(is_started_); }
  [[nodiscard]] int stop_count() const { return get(stop_count_); }
  [[nodiscard]] bool is_spilling_forced() const { return get(is_spilling_forced_); }
  void let_spill() {
    const std::lock_guard lock(mutex_);
    can_spill_ = true;
  }
  [[nodiscard]] int put_count() const { return get(put_count_); }
  [[nodiscard]] std::vector<std::string> bodies() const {
    const std::lock_guard lock(mutex_);
    return {queue_.begin(), queue_.end()};
  }
  void preload(const std::string& body) {
    const std::lock_guard lock(mutex_);
    queue_.push_back(body);
    changed_.notify_all();
  }

  // channel::Channel
  bool force_spilling(bool is_forced) override {
    const std::lock_guard lock(mutex_);
    if (can_spill_) is_spilling_forced_ = is_forced;
    return can_spill_;
  }
  Result<void> start() override {
    const std::lock_guard lock(mutex_);
    if (take_one(start_failures_)) return Error{.code = Errc::kLocked, .what = "scripted"};
    is_started_ = true;
    return {};
  }
  void stop() override {
    const std::lock_guard lock(mutex_);
    is_started_ = false;
    ++stop_count_;
    changed_.notify_all();
  }
  Result<void> put(const channel::EventBatch& batch) override {
    const std::lock_guard lock(mutex_);
    ++put_count_;
    counters_.put_attempts.add(batch.size());
    if (!is_started_) return Error{.code = Errc::kClosed, .what = "scripted"};
    if (take_one(put_failures_)) return Error{.code = Errc::kFull, .what = "scripted"};
    if (queue_.size() + batch.size() > capacity_) {
      return Error{.code = Errc::kFull, .what = "channel is full"};
    }
    for (std::size_t i = 0; i < batch.size(); ++i) queue_.emplace_back(batch[i].body());
    if (batch.bookmark()) bookmarks_.set(*batch.bookmark());
    counters_.put_successes.add(batch.size());
    changed_.notify_all();
    return {};
  }
  [[nodiscard]] Result<std::optional<std::string>> bookmark(std::string_view key) const override {
    const std::lock_guard lock(mutex_);
    const auto value = bookmarks_.find(key);
    return value ? std::optional<std::string>(*value) : std::nullopt;
  }
  Result<std::unique_ptr<channel::TakeTransaction>> take(std::size_t events_max,
                                                         std::chrono::milliseconds wait) override {
    std::unique_lock lock(mutex_);
    counters_.take_attempts.add();
    if (take_one(take_failures_)) return Error{.code = Errc::kIo, .what = "scripted"};
    const std::uint64_t interrupts = interrupts_;
    changed_.wait_for(lock, wait,
                      [&] { return !queue_.empty() || interrupts_ != interrupts || !is_started_; });
    std::vector<std::string> bodies;
    while (!queue_.empty() && bodies.size() < events_max) {
      bodies.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    taken_ += bodies.size();
    return {std::make_unique<Take>(*this, std::move(bodies))};
  }
  void interrupt_takes() override {
    const std::lock_guard lock(mutex_);
    if (take_one(lost_interrupts_)) return;
    ++interrupts_;
    changed_.notify_all();
  }
  [[nodiscard]] std::uint64_t size_events() const override {
    const std::lock_guard lock(mutex_);
    return queue_.size() + taken_;
  }
  [[nodiscard]] std::uint64_t capacity_events() const override { return capacity_; }
  [[nodiscard]] std::uint64_t transaction_capacity() const override { return 100; }
  [[nodiscard]] const channel::ChannelCounters& counters() const override { return counters_; }
  [[nodiscard]] bool survives_stop() const override { return survives_stop_; }
  [[nodiscard]] bool is_failed() const override { return get(is_failed_); }
  void collect(MetricSink& sink) const override {
    sink.gauge("fake_depth", "Of the fake.", static_cast<double>(size_events()));
  }

 private:
  class Take final : public channel::TakeTransaction {
   public:
    Take(FakeChannel& channel, std::vector<std::string> bodies)
        : channel_(channel), bodies_(std::move(bodies)) {
      for (const std::string& body : bodies_) batch_.add(body);
      for (std::size_t i = 0; i < batch_.size(); ++i) views_.push_back(batch_[i]);
    }
    ~Take() override { rollback(); }
    [[nodiscard]] std::span<const channel::EventView> events() const override { return views_; }
    Result<void> commit() override {
      if (channel_.take_commit_failure()) {
        rollback();
        return Error{.code = Errc::kIo, .what = "scripted"};
      }
      channel_.acknowledge(bodies_.size());
      bodies_.clear();
      return {};
    }
    void rollback() override {
      channel_.give_back(bodies_);
      bodies_.clear();
    }

   private:
    FakeChannel& channel_;
    std::vector<std::string> bodies_;
    channel::EventBatch batch_;
    std::vector<channel::EventView> views_;
  };

  static bool take_one(int& count) { return count > 0 && count-- > 0; }
  bool take_commit_failure() {
    const std::lock_guard lock(mutex_);
    return take_one(commit_failures_);
  }
  void acknowledge(std::size_t events) {
    const std::lock_guard lock(mutex_);
    taken_ -= events;
    counters_.take_successes.add(events);
  }
  void give_back(const std::vector<std::string>& bodies) {
    const std::lock_guard lock(mutex_);
    taken_ -= bodies.size();
    queue_.insert(queue_.begin(), bodies.begin(), bodies.end());
    changed_.notify_all();
  }
  void set(int& field, int value) {
    const std::lock_guard lock(mutex_);
    field = value;
  }
  template <class T>
  T get(const T& field) const {
    const std::lock_guard lock(mutex_);
    return field;
  }

  const std::uint64_t capacity_;
  const bool survives_stop_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::string> queue_;
  wal::Bookmarks bookmarks_;
  std::size_t taken_ = 0;
  std::uint64_t interrupts_ = 0;
  bool is_started_ = false;
  bool is_failed_ = false;
  int stop_count_ = 0;
  int put_count_ = 0;
  int start_failures_ = 0;
  int put_failures_ = 0;
  bool can_spill_ = false;
  bool is_spilling_forced_ = false;
  int take_failures_ = 0;
  int lost_interrupts_ = 0;
  int commit_failures_ = 0;
  channel::ChannelCounters counters_;
};

}  // namespace spillway::test
