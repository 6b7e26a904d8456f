// An EventReceiver that remembers what it accepted and fails on cue.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/component.h"
#include "wal/base/mutex.h"

namespace spillway::test {

struct RecordedEvent {
  std::map<std::string, std::string> headers;
  std::string body;
};

/// Thread-safe. Waits have a generous deadline and say by their result whether it passed.
class RecordingReceiver final : public agent::EventReceiver {
 public:
  static constexpr std::chrono::seconds kDeadline{30};

  Result<void> receive(const channel::EventBatch& batch) override {
    const MutexLock lock(mutex_);
    ++attempts_;
    changed_.notify_all();
    if (failures_left_ > 0) {
      --failures_left_;
      return failure_;
    }
    if (batch.size() > batch_size_max_) return Error{.code = Errc::kTooLarge, .what = "too large"};
    batch_sizes_.push_back(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) record(batch[i]);
    return {};
  }

  /// The next `count` batches are refused.
  void fail_next(std::size_t count,
                 Error failure = {.code = Errc::kFull, .what = "channel is full"}) {
    const MutexLock lock(mutex_);
    failures_left_ = count;
    failure_ = failure;
  }
  void fail_always() { fail_next(SIZE_MAX); }
  void recover() { fail_next(0); }

  /// Batches beyond `size` are refused with kTooLarge from now on.
  void set_batch_size_max(std::size_t size) {
    const MutexLock lock(mutex_);
    batch_size_max_ = size;
  }

  [[nodiscard]] std::vector<RecordedEvent> events() const {
    const MutexLock lock(mutex_);
    return events_;
  }
  [[nodiscard]] std::vector<std::string> bodies() const {
    const MutexLock lock(mutex_);
    std::vector<std::string> bodies;
    for (const RecordedEvent& event : events_) bodies.push_back(event.body);
    return bodies;
  }
  [[nodiscard]] std::vector<std::size_t> batch_sizes() const {
    const MutexLock lock(mutex_);
    return batch_sizes_;
  }
  [[nodiscard]] std::size_t attempts() const {
    const MutexLock lock(mutex_);
    return attempts_;
  }

  bool wait_for_events(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    MutexLock lock(mutex_);
    while (events_.size() < count && wait_before(deadline, lock)) {
    }
    return events_.size() >= count;
  }
  bool wait_for_attempts(std::size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    MutexLock lock(mutex_);
    while (attempts_ < count && wait_before(deadline, lock)) {
    }
    return attempts_ >= count;
  }

 private:
  /// Waits for a change; false when the deadline has passed.
  bool wait_before(std::chrono::steady_clock::time_point deadline, MutexLock& lock) {
    const auto left = deadline - std::chrono::steady_clock::now();
    return left > left.zero() && changed_.wait_for(lock, left);
  }

  void record(const channel::EventView& event) REQUIRES(mutex_) {
    RecordedEvent recorded{.headers = {}, .body = std::string(event.body())};
    event.for_each_header([&](const channel::HeaderView& header) {
      const bool is_new = recorded.headers.emplace(header.key, header.value).second;
      CHECK(is_new);  // keys of an event are unique
    });
    events_.push_back(std::move(recorded));
  }

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<RecordedEvent> events_ GUARDED_BY(mutex_);
  std::vector<std::size_t> batch_sizes_ GUARDED_BY(mutex_);
  std::size_t attempts_ GUARDED_BY(mutex_) = 0;
  std::size_t failures_left_ GUARDED_BY(mutex_) = 0;
  std::size_t batch_size_max_ GUARDED_BY(mutex_) = SIZE_MAX;
  Error failure_ GUARDED_BY(mutex_){.code = Errc::kFull};
};

}  // namespace spillway::test
