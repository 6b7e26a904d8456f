// `null` sink: discards events and says how many from time to time.
#include <array>
#include <memory>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/registry.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Events per transaction.",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "logEveryNEvents",
               .type = OptionType::kCount,
               .default_value = "10000",
               .help = "Log the running total each time this many events were discarded; "
                       "0: never."},
};

class NullSink final : public Sink {
 public:
  NullSink(const ComponentContext& context, const Config& config)
      : name_(context.name),
        batch_size_(config.count("batchSize")),
        log_every_(config.count("logEveryNEvents")) {}

  Result<void> start() override { return {}; }
  void stop() override {}

  [[nodiscard]] std::size_t batch_size() const override { return batch_size_; }

  Result<void> deliver(std::span<const channel::EventView> batch) override {
    const std::uint64_t before = discarded_;
    discarded_ += batch.size();
    if (log_every_ != 0 && before / log_every_ != discarded_ / log_every_) {
      log_info("null.discarded", "null sink has discarded events",
               {{"sink", name_}, {"events", discarded_}});
    }
    return {};
  }

 private:
  const std::string name_;
  const std::size_t batch_size_;
  const std::uint64_t log_every_;

  std::uint64_t discarded_ = 0;
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Sink>> create(const ComponentContext& context, const Config& config) {
  return std::unique_ptr<Sink>(std::make_unique<NullSink>(context, config));
}

}  // namespace

const SinkType kNullSink{.name = "null",
                         .java_class = "org.apache.flume.sink.NullSink",
                         .help = "Discards every event.",
                         .options = kOptions,
                         .batch_size = batch_size,
                         .create = create};

}  // namespace spillway::agent
