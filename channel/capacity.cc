#include "channel/capacity.h"

#include <algorithm>

#include "channel/deadline.h"
#include "wal/base/check.h"

namespace spillway::channel {
namespace {

constexpr Error kClosedError{.code = Errc::kClosed, .what = "channel is stopped"};

}  // namespace

Capacity::~Capacity() {
  const MutexLock lock(mutex_);
  CHECK(waiters_.empty());
}

Result<void> Capacity::check(std::uint64_t events, std::uint64_t bytes) const {
  if (events > events_max_) {
    return Error{.code = Errc::kTooLarge,
                 .what = "batch has more events than the channel's capacity"};
  }
  if (bytes > bytes_max_) {
    return Error{.code = Errc::kTooLarge,
                 .what = bytes_ == Bytes::kMaxBytes
                             ? "batch has more bytes than the channel's maxBytes"
                             : "batch has more bytes than the channel's byteCapacity"};
  }
  return {};
}

Result<void> Capacity::acquire(std::uint64_t events, std::uint64_t bytes,
                               std::chrono::milliseconds wait) {
  TRY(check(events, bytes));
  MutexLock lock(mutex_);
  if (is_closed_) return kClosedError;
  if (waiters_.empty() && fits(events, bytes)) {
    use(events, bytes);
    return {};
  }
  Waiter waiter{.events = events, .bytes = bytes};
  waiters_.push_back(&waiter);
  return wait_for_grant(lock, waiter, wait);
}

Result<void> Capacity::wait_for_grant(MutexLock& lock, Waiter& waiter,
                                      std::chrono::milliseconds wait) {
  const Deadline deadline(wait);
  while (!waiter.is_granted && !is_closed_) {
    const auto rest = deadline.rest();
    if (rest.count() <= 0) break;
    waiter.wake.wait_for(lock, rest);
  }
  if (waiter.is_granted) return {};

  waiters_.erase(std::find(waiters_.begin(), waiters_.end(), &waiter));
  if (is_closed_) return kClosedError;
  const bool lacks_events = !fits_events(waiter.events);
  const bool lacks_bytes = !fits(waiter.events, waiter.bytes) && !lacks_events;
  grant_in_order();  // those behind us may be smaller
  return full_error(lacks_bytes);
}

Error Capacity::full_error(bool lacks_bytes) const {
  Error error{.code = Errc::kFull,
              .what =
                  "channel has no room within keep-alive: capacity reached, "
                  "its sinks may not be keeping up"};
  if (!lacks_bytes) return error;
  error.what = bytes_ == Bytes::kMaxBytes
                   ? "channel has no room within keep-alive: maxBytes reached, "
                     "its sinks may not be keeping up"
                   : "channel has no room within keep-alive: byteCapacity reached, "
                     "its sinks may not be keeping up";
  return error;
}

void Capacity::release(std::uint64_t events, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  CHECK(events <= used_events());
  CHECK(bytes <= used_bytes());
  used_events_.store(used_events() - events, std::memory_order_relaxed);
  used_bytes_.store(used_bytes() - bytes, std::memory_order_relaxed);
  grant_in_order();
}

void Capacity::restore(std::uint64_t events, std::uint64_t bytes) {
  const MutexLock lock(mutex_);
  use(events, bytes);
}

// No read-modify-write: nobody else changes them now.
void Capacity::use(std::uint64_t events, std::uint64_t bytes) {
  used_events_.store(used_events() + events, std::memory_order_relaxed);
  used_bytes_.store(used_bytes() + bytes, std::memory_order_relaxed);
}

void Capacity::close() {
  const MutexLock lock(mutex_);
  is_closed_ = true;
  for (Waiter* waiter : waiters_) waiter->wake.notify_one();
}

std::uint64_t Capacity::waiting_count() const {
  const MutexLock lock(mutex_);
  return waiters_.size();
}

bool Capacity::fits_events(std::uint64_t events) const {
  return used_events() <= events_max_ && events <= events_max_ - used_events();
}

bool Capacity::fits(std::uint64_t events, std::uint64_t bytes) const {
  if (!fits_events(events)) return false;
  return bytes == 0 || (used_bytes() <= bytes_max_ && bytes <= bytes_max_ - used_bytes());
}

void Capacity::grant_in_order() {
  while (!is_closed_ && !waiters_.empty()) {
    Waiter& first = *waiters_.front();
    if (!fits(first.events, first.bytes)) return;
    use(first.events, first.bytes);
    first.is_granted = true;
    waiters_.pop_front();
    first.wake.notify_one();  // under the lock: its CondVar is gone once it can return
  }
}

}  // namespace spillway::channel
