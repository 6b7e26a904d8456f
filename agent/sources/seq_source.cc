// `seq` source: counts 0, 1, 2, … as fast as the channels accept. For tests and benchmarks.
#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <memory>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/counted_receive.h"
#include "agent/registry.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "1",
               .help = "Events per transaction.",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "totalEvents",
               .type = OptionType::kCount,
               .default_value = "9223372036854775807",
               .help = "Stop after this many events."},
};

class SeqSource final : public Source {
 public:
  SeqSource(const Config& config, EventReceiver& receiver)
      : batch_size_(config.count("batchSize")),
        total_events_(config.count("totalEvents")),
        receiver_(receiver) {}

  Result<void> start() override { return {}; }
  void stop() override {}

  Result<Poll> poll() override {
    if (next_ == total_events_) return Poll::kFinished;
    const std::uint64_t end = next_ + std::min(batch_size_, total_events_ - next_);
    batch_.clear();
    for (std::uint64_t number = next_; number < end; ++number) {
      std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits{};
      const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), number);
      batch_.add(std::string_view(digits.data(), written.ptr));
    }
    const auto received = receive_counted(receiver_, batch_, counters_, attempt_);
    attempt_ = received.has_value() ? Attempt::kFirst : Attempt::kRetry;
    TRY(received);
    next_ = end;
    return Poll::kReady;
  }

 private:
  const std::uint64_t batch_size_;
  const std::uint64_t total_events_;
  EventReceiver& receiver_;

  std::uint64_t next_ = 0;  // everything below has been accepted
  Attempt attempt_ = Attempt::kFirst;
  channel::EventBatch batch_;
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Source>> create(const ComponentContext& /*context*/, const Config& config,
                                       EventReceiver& receiver) {
  return std::unique_ptr<Source>(std::make_unique<SeqSource>(config, receiver));
}

}  // namespace

const SourceType kSeqSource{.name = "seq",
                            .java_class = "org.apache.flume.source.SequenceGeneratorSource",
                            .help = "Generates events whose body is a running number.",
                            .options = kOptions,
                            .batch_size = batch_size,
                            .create = create};

}  // namespace spillway::agent
