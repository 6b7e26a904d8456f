// `stress` source: the same event over and over, as fast as the channels take it or at a rate. For
// benchmarks.
// Source: Flume 1.11, StressSource.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/counted_receive.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/stop_signal.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "size",
               .type = OptionType::kBytes,
               .default_value = "500",
               .help = "Bytes of each body.",
               .max = 256 * kMiB},
    OptionSpec{.name = "maxTotalEvents",
               .default_value = "-1",
               .help = "Stop after this many events, refused ones included; -1: never."},
    OptionSpec{.name = "maxSuccessfulEvents",
               .default_value = "-1",
               .help = "Stop once this many events were accepted; -1: never."},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "1",
               .help = "Events per transaction.",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "maxEventsPerSecond",
               .type = OptionType::kCount,
               .default_value = "0",
               .help = "Make no more events per second than this; 0: no limit.",
               .max = 1'000'000'000},
};

constexpr char kFill = '\x7F';  // Flume's: Byte.MAX_VALUE
constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;
// A stop does not wait longer than this, however slow the rate is.
constexpr std::uint64_t kWaitMaxNs = 100'000'000;

// -1 or any other negative number: no limit.
std::optional<std::uint64_t> read_limit(std::string_view text) {
  if (text.starts_with('-') && parse_count(text.substr(1))) return UINT64_MAX;
  return parse_count(text);
}

struct StressLimits {
  std::uint64_t total = UINT64_MAX;
  std::uint64_t successful = UINT64_MAX;
};

class StressSource final : public Source {
 public:
  StressSource(const ComponentContext& context, const Config& config, const StressLimits& limits,
               EventReceiver& receiver)
      : limits_(limits),
        batch_size_(config.count("batchSize")),
        events_per_second_(config.count("maxEventsPerSecond")),
        body_(config.bytes("size"), kFill),
        clock_(*context.clock),
        receiver_(receiver) {}

  Result<void> start() override {
    due_at_ns_ = clock_.monotonic_ns();
    return {};
  }
  void stop() override { stop_.request(); }

  Result<Poll> poll() override {
    if (total_ >= limits_.total || successful_ >= limits_.successful) return Poll::kFinished;
    if (!is_due()) return Poll::kReady;
    const std::uint64_t count = std::min(batch_size_, limits_.total - total_);
    if (batch_.size() != count) {
      batch_.clear();
      for (std::uint64_t i = 0; i < count; ++i) batch_.add(body_);
    }
    total_ += count;
    TRY(receive_counted(receiver_, batch_, counters_, Attempt::kFirst));
    successful_ += count;
    return Poll::kReady;
  }

 private:
  // Waits for the turn of the next batch; false: not yet, ask again.
  bool is_due() {
    if (events_per_second_ == 0) return true;
    const std::uint64_t now = clock_.monotonic_ns();
    if (now < due_at_ns_) {
      const std::uint64_t wait_ns = std::min(due_at_ns_ - now, kWaitMaxNs);
      stop_.wait_for(std::chrono::milliseconds(wait_ns / 1'000'000 + 1));
      if (clock_.monotonic_ns() < due_at_ns_) return false;
    }
    // What was missed while channels were full is not made up for.
    const std::uint64_t begin = std::max(due_at_ns_, now > kWaitMaxNs ? now - kWaitMaxNs : 0);
    due_at_ns_ = begin + batch_size_ * kNanosPerSecond / events_per_second_;
    return true;
  }

  const StressLimits limits_;
  const std::uint64_t batch_size_;
  const std::uint64_t events_per_second_;
  const std::string body_;
  const Clock& clock_;
  EventReceiver& receiver_;

  channel::EventBatch batch_;
  std::uint64_t total_ = 0;
  std::uint64_t successful_ = 0;
  std::uint64_t due_at_ns_ = 0;
  StopSignal stop_;
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  const auto total = read_limit(config.string("maxTotalEvents"));
  const auto successful = read_limit(config.string("maxSuccessfulEvents"));
  if (!total || !successful) {
    return Error{.code = Errc::kBadConfig,
                 .what = "maxTotalEvents and maxSuccessfulEvents take a number, or -1"};
  }
  const StressLimits limits{.total = *total, .successful = *successful};
  return std::unique_ptr<Source>(std::make_unique<StressSource>(context, config, limits, receiver));
}

}  // namespace

const SourceType kStressSource{.name = "stress",
                               .java_class = "org.apache.flume.source.StressSource",
                               .help = "Repeats one event, for benchmarks.",
                               .options = kOptions,
                               .batch_size = batch_size,
                               .create = create};

}  // namespace spillway::agent
