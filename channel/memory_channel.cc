#include "channel/memory_channel.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "channel/residence.h"
#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::channel {
namespace {

constexpr Error kNotRunning{.code = Errc::kClosed, .what = "channel is not running"};

}  // namespace

std::uint64_t memory_slots(std::uint64_t byte_capacity, std::uint64_t buffer_percent,
                           std::uint64_t slot_bytes) {
  CHECK(buffer_percent <= 100);
  const std::uint64_t kept_percent = 100 - buffer_percent;
  // byte_capacity * kept_percent / 100, without overflow
  const std::uint64_t kept_bytes =
      byte_capacity / 100 * kept_percent + byte_capacity % 100 * kept_percent / 100;
  return kept_bytes / slot_bytes;
}

class MemoryChannel::Transaction final : public TakeTransaction {
 public:
  Transaction(MemoryChannel& channel, std::vector<MemoryRun> runs)
      : channel_(channel), runs_(std::move(runs)) {
    channel_.open_transactions_.fetch_add(1, std::memory_order_relaxed);
    std::size_t count = 0;
    for (const MemoryRun& run : runs_) {
      count += run.size();
      slots_ += run.slots;
    }
    events_.reserve(count);
    for (const MemoryRun& run : runs_) {
      for (std::size_t i = run.begin; i < run.end; ++i) events_.push_back((*run.batch)[i]);
    }
    channel_.taken_events_.fetch_add(events_.size(), std::memory_order_relaxed);
  }

  ~Transaction() override {
    if (!is_finished_) rollback();
    channel_.open_transactions_.fetch_sub(1, std::memory_order_relaxed);
  }

  [[nodiscard]] std::span<const EventView> events() const override { return events_; }

  Result<void> commit() override {
    CHECK(!is_finished_);
    finish();
    if (events_.empty()) return {};
    channel_.counters_.take_successes.add(events_.size());
    channel_.capacity_.release(events_.size(), slots_);
    return {};
  }

  void rollback() override {
    CHECK(!is_finished_);
    finish();
    channel_.queue_.put_back(runs_);  // copied: the views stay valid until we are destroyed
  }

 private:
  void finish() {
    is_finished_ = true;
    channel_.taken_events_.fetch_sub(events_.size(), std::memory_order_relaxed);
  }

  MemoryChannel& channel_;
  const std::vector<MemoryRun> runs_;
  std::vector<EventView> events_;
  std::uint64_t slots_ = 0;  // of events_
  bool is_finished_ = false;
};

MemoryChannel::MemoryChannel(const MemoryChannelOptions& options)
    : options_(options),
      capacity_(options.capacity_events, options.byte_capacity_slots),
      queue_(options.slot_bytes) {
  CHECK(options.transaction_capacity_events >= 1 && options.slot_bytes >= 1);
  CHECK(options.transaction_capacity_events <= options.capacity_events);
}

MemoryChannel::~MemoryChannel() {
  stop();
  CHECK(open_transactions_.load() == 0);
}

Result<void> MemoryChannel::start() {
  State expected = State::kNew;
  if (state_.load() == State::kNew) started_ns_ = clock_.monotonic_ns();
  if (state_.compare_exchange_strong(expected, State::kRunning)) return {};
  if (expected == State::kRunning) return {};
  return kNotRunning;
}

void MemoryChannel::stop() {
  if (state_.exchange(State::kStopped) == State::kStopped) return;
  capacity_.close();
  queue_.close();
  const std::uint64_t dropped = size_events();
  if (dropped > 0) {
    log_warn("memory_channel.dropped", "stopped with events in memory: they are lost",
             {{"events", dropped}});
  }
}

Result<void> MemoryChannel::put(const EventBatch& batch) {
  if (state_.load() != State::kRunning) return kNotRunning;
  if (batch.is_empty()) return {};
  counters_.put_attempts.add(batch.size());
  if (batch.size() > options_.transaction_capacity_events) {
    return Error{.code = Errc::kTooLarge, .what = "batch has more events than transactionCapacity"};
  }
  const std::uint64_t slots = body_slots(batch, options_.slot_bytes);
  TRY(capacity_.acquire(batch.size(), slots, options_.keep_alive));
  if (!queue_.push(std::make_shared<const EventBatch>(batch), slots, clock_.monotonic_ns())) {
    capacity_.release(batch.size(), slots);
    return kNotRunning;
  }
  counters_.put_successes.add(batch.size());
  return {};
}

Result<std::unique_ptr<TakeTransaction>> MemoryChannel::take(std::size_t events_max,
                                                             std::chrono::milliseconds wait) {
  if (state_.load() != State::kRunning) return kNotRunning;
  if (events_max > options_.transaction_capacity_events) {
    return Error{.code = Errc::kTooLarge, .what = "take of more events than transactionCapacity"};
  }
  TRY_ASSIGN(auto runs, queue_.take(events_max, wait));
  auto transaction = std::make_unique<Transaction>(*this, std::move(runs));
  const std::size_t taken = transaction->events().size();
  // As in Flume, where every take of one event is an attempt, the fruitless last one included.
  counters_.take_attempts.add(taken < events_max ? taken + 1 : taken);
  return {std::move(transaction)};
}

void MemoryChannel::collect(MetricSink& sink) const {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  const std::uint64_t oldest_ns = queue_.oldest_put_ns().value_or(now_ns);
  channel::collect({.bytes = options_.slot_bytes * capacity_.used_bytes(),
                    .resident_events = capacity_.used_events(),
                    .oldest_age_ns = now_ns - std::min(now_ns, oldest_ns),
                    .memory_ns = started_ns_ == 0 ? 0 : now_ns - started_ns_},
                   sink);
  sink.gauge("waiting_puts", "Puts that wait for room now.",
             static_cast<double>(capacity_.waiting_count()));
  sink.gauge("taken_events", "Events taken and not yet acknowledged.",
             static_cast<double>(taken_events_.load(std::memory_order_relaxed)));
  if (capacity_.bytes_max() == Capacity::kUnlimited) return;
  const auto slot_bytes = static_cast<double>(options_.slot_bytes);
  sink.gauge("body_bytes", "Room that bodies take, in bytes of whole slots.",
             slot_bytes * static_cast<double>(capacity_.used_bytes()));
  sink.gauge("body_bytes_max", "Room for bodies: byteCapacity without its buffer.",
             slot_bytes * static_cast<double>(capacity_.bytes_max()));
}

}  // namespace spillway::channel
