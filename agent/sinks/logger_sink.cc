// `logger` sink: writes every event to the agent's log at INFO. For trying things out.
//
// The one place that logs per event. Flume takes one event per transaction; this sink takes up to
// a hundred, which shows the same lines.
#include <array>
#include <memory>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/event_dump.h"
#include "agent/registry.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "maxBytesToLog",
               .type = OptionType::kBytes,
               .default_value = "16",
               .help = "Bytes of the body to show.",
               .max = 1'048'576},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Events per transaction (not in Flume, which takes one).",
               .min = 1,
               .max = 1'000'000},
};

class LoggerSink final : public Sink {
 public:
  explicit LoggerSink(const Config& config)
      : batch_size_(config.count("batchSize")), bytes_max_(config.bytes("maxBytesToLog")) {}

  Result<void> start() override { return {}; }
  void stop() override {}

  [[nodiscard]] std::size_t batch_size() const override { return batch_size_; }

  Result<void> deliver(std::span<const channel::EventView> batch) override {
    for (const channel::EventView& event : batch) {
      log_info("logger.event", "Event: " + dump_event(event, bytes_max_));
    }
    return {};
  }

 private:
  const std::size_t batch_size_;
  const std::size_t bytes_max_;
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Sink>> create(const ComponentContext& /*context*/, const Config& config) {
  return std::unique_ptr<Sink>(std::make_unique<LoggerSink>(config));
}

}  // namespace

const SinkType kLoggerSink{.name = "logger",
                           .java_class = "org.apache.flume.sink.LoggerSink",
                           .help = "Writes every event to the agent's log.",
                           .options = kOptions,
                           .batch_size = batch_size,
                           .create = create};

}  // namespace spillway::agent
