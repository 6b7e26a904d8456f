#include "channel/null_channel.h"

#include <utility>

#include "channel/deadline.h"
#include "channel/residence.h"

namespace spillway::channel {
namespace {

constexpr Error kNotRunning{.code = Errc::kClosed, .what = "channel is not running"};

class NoEvents final : public TakeTransaction {
 public:
  [[nodiscard]] std::span<const EventView> events() const override { return {}; }
  Result<void> commit() override { return {}; }
  void rollback() override {}
};

}  // namespace

Result<void> NullChannel::start() {
  is_running_.store(true);
  return {};
}

void NullChannel::stop() {
  is_running_.store(false);
  interrupted_.ring();
}

Result<void> NullChannel::put(const EventBatch& batch) {
  if (!is_running_.load(std::memory_order_relaxed)) return kNotRunning;
  counters_.put_attempts.add(batch.size());
  counters_.put_successes.add(batch.size());
  dropped_bytes_.add(batch.encoded_bytes());
  return {};
}

Result<std::unique_ptr<TakeTransaction>> NullChannel::take(std::size_t,
                                                           std::chrono::milliseconds wait) {
  const Deadline deadline(wait);
  const std::uint64_t interrupts = interrupts_.load();
  while (is_running_.load()) {
    const auto rest = deadline.rest();
    if (rest.count() <= 0 || interrupts_.load() != interrupts) {
      counters_.take_attempts.add();
      return std::unique_ptr<TakeTransaction>(std::make_unique<NoEvents>());
    }
    const std::uint32_t prepared = interrupted_.prepare();
    const bool has_news = !is_running_.load() || interrupts_.load() != interrupts;
    if (!has_news) interrupted_.sleep(prepared, rest);
  }
  return kNotRunning;
}

void NullChannel::interrupt_takes() {
  interrupts_.fetch_add(1);
  interrupted_.ring();
}

void NullChannel::collect(MetricSink& sink) const {
  channel::collect({}, sink);
  sink.counter("dropped_events_total", "Events accepted and dropped.",
               counters_.put_successes.value());
  sink.counter("dropped_bytes_total", "Their encoded bytes.", dropped_bytes_.value());
}

}  // namespace spillway::channel
