#include "agent/retrying_batch.h"

#include <chrono>
#include <utility>

#include "agent/counted_receive.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::chrono::milliseconds kRetryPause{200};  // on top of the channels' keep-alive

}  // namespace

RetryingBatch::RetryingBatch(RetryingBatchOptions options, EventReceiver& receiver,
                             SourceCounters& counters, const WakeEvent& stop, const Clock& clock)
    : options_(std::move(options)),
      receiver_(receiver),
      counters_(counters),
      stop_(stop),
      clock_(clock) {}

void RetryingBatch::add(std::string_view body) {
  if (batch_.is_empty()) due_at_ns_ = clock_.monotonic_ns() + options_.timeout_ns;
  batch_.add(body);
  if (batch_.size() >= options_.events_max) flush();
}

std::optional<std::uint64_t> RetryingBatch::due_at_ns() const {
  if (batch_.is_empty()) return std::nullopt;
  return due_at_ns_;
}

void RetryingBatch::flush() {
  if (batch_.is_empty()) return;
  const auto offered = offer(batch_);
  if (!offered.has_value()) {
    if (offered.error().code == Errc::kTooLarge) {
      offer_one_by_one();
    } else {
      give_up(batch_.size());
    }
  }
  batch_.clear();
}

Result<void> RetryingBatch::offer(const channel::EventBatch& batch) {
  if (is_giving_up_) return Error{.code = Errc::kClosed, .what = "source stops"};
  Attempt attempt = Attempt::kFirst;
  while (true) {
    const auto received = receive_counted(receiver_, batch, counters_, attempt);
    if (received.has_value() || received.error().code == Errc::kTooLarge) return received;
    log_warn("source.refused", "channels refuse events; the source waits",
             {{"source", options_.source_name}, {"error", received.error()}});
    if (stop_.wait_for(kRetryPause)) return Error{.code = Errc::kClosed, .what = "source stops"};
    attempt = Attempt::kRetry;
  }
}

// Finds the events that no transaction can hold, so that they do not block the others.
void RetryingBatch::offer_one_by_one() {
  channel::EventBatch single;
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    single.clear();
    single.add(batch_[i]);
    const auto offered = offer(single);
    if (offered.has_value()) continue;
    if (offered.error().code != Errc::kTooLarge) return give_up(batch_.size() - i);
    dropped_.add();
    log_error("source.event_too_large", "event dropped: no channel can hold it",
              {{"source", options_.source_name}, {"bytes", batch_[i].body().size()}});
  }
}

void RetryingBatch::give_up(std::size_t events) {
  is_giving_up_ = true;
  dropped_.add(events);
  log_error("source.events_dropped", "events lost: channels still refused them at the stop",
            {{"source", options_.source_name}, {"events", events}});
}

}  // namespace spillway::agent
