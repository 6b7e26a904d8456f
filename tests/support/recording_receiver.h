// An EventReceiver that remembers what it accepted and fails on cue.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/component.h"
#include "wal/base/mutex.h"
#include "wal/bookmark.h"

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
    const bool is_failing = failures_left_ > 0;
    if (is_failing) {
      --failures_left_;
      if (!keeps_failed_) return failure_;
    }
    if (batch.size() > batch_size_max_) return Error{.code = Errc::kTooLarge, .what = "too large"};
    batch_sizes_.push_back(batch.size());
    for (std::size_t i = 0; i < batch.size(); ++i) record(batch[i]);
    if (batch.bookmark()) bookmarks_.set(*batch.bookmark());
    if (puts_to_kill_ > 0 && --puts_to_kill_ == 0) {
      bookmark_error_ = Error{.code = Errc::kClosed, .what = "killed"};
      return *bookmark_error_;
    }
    if (is_failing) return failure_;
    return {};
  }

  [[nodiscard]] Result<std::optional<std::string>> bookmark(std::string_view key) const override {
    const MutexLock lock(mutex_);
    if (!keeps_bookmarks_) return EventReceiver::bookmark(key);
    if (bookmark_error_) return *bookmark_error_;
    const auto kept = bookmarks_.find(key);
    return kept ? std::optional<std::string>(*kept) : std::nullopt;
  }

  /// From now on it answers bookmark() as a durable channel does.
  void keep_bookmarks() {
    const MutexLock lock(mutex_);
    keeps_bookmarks_ = true;
  }

  /// The `count`th batch from now on is recorded, and its source never hears of it: as when the
  /// agent is killed behind its put. Until set_bookmark_error(nullopt).
  void kill_after(std::size_t count) {
    const MutexLock lock(mutex_);
    puts_to_kill_ = count;
  }

  /// What bookmark() answers; nullopt: the truth.
  void set_bookmark_error(std::optional<Error> error) {
    const MutexLock lock(mutex_);
    bookmark_error_ = std::move(error);
  }

  /// The next `count` batches are recorded, and fail all the same: as when the device has written
  /// what it reports as failed.
  void fail_after_next(std::size_t count) {
    const MutexLock lock(mutex_);
    failures_left_ = count;
    failure_ = {.code = Errc::kIo, .what = "device failed"};
    keeps_failed_ = true;
  }

  /// The next `count` batches are refused.
  void fail_next(std::size_t count,
                 Error failure = {.code = Errc::kFull, .what = "channel is full"}) {
    const MutexLock lock(mutex_);
    failures_left_ = count;
    failure_ = failure;
    keeps_failed_ = false;
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
  bool keeps_failed_ GUARDED_BY(mutex_) = false;
  std::size_t puts_to_kill_ GUARDED_BY(mutex_) = 0;
  bool keeps_bookmarks_ GUARDED_BY(mutex_) = false;
  wal::Bookmarks bookmarks_ GUARDED_BY(mutex_);
  std::optional<Error> bookmark_error_ GUARDED_BY(mutex_);
};

}  // namespace spillway::test
