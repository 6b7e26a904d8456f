// One producer hands transactions of 500-byte events to one consumer: what the way between them
// takes, with nothing else on it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "channel/doorbell.h"
#include "channel/inbox.h"
#include "wal/base/clock.h"

namespace spillway::bench {

/// Every queue gives its consumer as many looks before it sleeps, as the memory channel does.
inline constexpr int kLooksBeforeSleep = 16;

/// A transaction as it is handed over: a pointer to encoded events, made beforehand.
struct Parcel {
  const std::byte* events = nullptr;
  std::size_t event_count = 0;
  Parcel* next = nullptr;
};

/// The queue of the memory channel, without its rollbacks and its splitting of batches.
class InboxHandover {
 public:
  void push(Parcel* parcel) {
    inbox_.push(parcel);
    bell_.ring();
  }

  /// Calls `use` for at least one parcel.
  template <class Use>
  void take(Use&& use) {
    Parcel* next = inbox_.take_all();
    for (int looks = 0; next == nullptr && looks < kLooksBeforeSleep; ++looks) {
      std::this_thread::yield();
      next = inbox_.take_all();
    }
    while (next == nullptr) {
      const std::uint32_t prepared = bell_.prepare();
      if (inbox_.is_empty()) bell_.sleep(prepared, std::chrono::seconds(1));
      next = inbox_.take_all();
    }
    while (next != nullptr) {
      Parcel* const parcel = next;
      next = parcel->next;  // before it is used: its maker uses it again
      use(parcel);
    }
  }

 private:
  channel::Inbox<Parcel> inbox_;
  channel::Doorbell<> bell_;
};

/// Events per second through a new `Handover`. The producer stops for nothing but a consumer who is
/// too far behind: a channel has a capacity, too.
template <class Handover>
double handover_rate(std::size_t batch_events, std::uint64_t duration_ns, const Clock& clock) {
  constexpr std::size_t kEventBytes = 500;
  constexpr std::uint64_t kBehindMax = 4096;
  constexpr std::uint64_t kClockEvery = 256;
  const std::vector<std::byte> events(batch_events * kEventBytes);
  // Enough that none is used again before its consumer has counted it.
  std::vector<Parcel> parcels(3 * kBehindMax);
  for (Parcel& parcel : parcels) parcel = {.events = events.data(), .event_count = batch_events};
  Handover handover;
  alignas(64) std::atomic<std::uint64_t> taken{0};
  std::uint64_t pushed = 0;
  const std::uint64_t started = clock.monotonic_ns();
  std::thread consumer([&] {
    bool is_over = false;
    std::uint64_t count = 0;
    while (!is_over) {
      handover.take([&](Parcel* parcel) {
        is_over = parcel->event_count == 0;
        ++count;
      });
      taken.store(count, std::memory_order_relaxed);
    }
  });
  while (pushed % kClockEvery != 0 || clock.monotonic_ns() - started < duration_ns) {
    if (pushed % kClockEvery == 0) {
      while (pushed - taken.load(std::memory_order_relaxed) > kBehindMax) std::this_thread::yield();
    }
    handover.push(&parcels[pushed % parcels.size()]);
    ++pushed;
  }
  Parcel last;
  handover.push(&last);
  consumer.join();
  const double seconds = static_cast<double>(clock.monotonic_ns() - started) / 1e9;
  return static_cast<double>(pushed * batch_events) / seconds;
}

}  // namespace spillway::bench
