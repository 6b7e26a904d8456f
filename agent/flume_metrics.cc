// Flume's JSON: attribute names and string values as its HTTPMetricsServer prints them.
#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "agent/metrics_registry.h"

namespace spillway::agent {
namespace {

using Json = nlohmann::json;

// Java's Double.toString keeps a ".0"; dashboards that parse it as a double do not care, those
// that compare text do.
std::string java_double(double value) {
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string count(const Counter& counter) {
  return std::to_string(counter.value());
}

double fill_percentage(std::uint64_t size, std::uint64_t capacity) {
  if (capacity == 0) return std::numeric_limits<double>::max();  // as Flume does
  return 100.0 * static_cast<double>(size) / static_cast<double>(capacity);
}

Json channel_attributes(const LiveChannel& live) {
  const channel::Channel& channel = live.channel();
  const channel::ChannelCounters& counters = channel.counters();
  std::uint64_t size = 0;
  bool is_open = false;
  bool is_failed = false;
  live.while_open([&](const channel::Channel& open) {
    size = open.size_events();
    is_open = true;
    is_failed = open.is_failed();
  });
  Json json{
      {"ChannelSize", std::to_string(size)},
      {"ChannelCapacity", std::to_string(channel.capacity_events())},
      {"ChannelFillPercentage", java_double(fill_percentage(size, channel.capacity_events()))},
      {"EventPutAttemptCount", count(counters.put_attempts)},
      {"EventPutSuccessCount", count(counters.put_successes)},
      {"EventTakeAttemptCount", count(counters.take_attempts)},
      {"EventTakeSuccessCount", count(counters.take_successes)}};
  if (channel.survives_stop()) {
    json["Open"] = is_open ? "true" : "false";
    json["Closed"] = is_open ? "0" : "1";
    json["Unhealthy"] = is_failed ? "1" : "0";
    json["EventPutErrorCount"] = count(counters.put_errors);
    json["EventTakeErrorCount"] = count(counters.take_errors);
    json["CheckpointWriteErrorCount"] = "0";
    json["CheckpointBackupWriteErrorCount"] = "0";
  }
  return json;
}

Json source_attributes(const Source& source) {
  const SourceCounters& counters = source.counters();
  const std::uint64_t closed = counters.closed_connections.value();  // first: never above opened
  const std::uint64_t opened = counters.open_connections.value();
  return {{"EventReceivedCount", count(counters.events_received)},
          {"EventAcceptedCount", count(counters.events_accepted)},
          {"AppendReceivedCount", count(counters.append_received)},
          {"AppendAcceptedCount", count(counters.append_accepted)},
          {"AppendBatchReceivedCount", count(counters.append_batches_received)},
          {"AppendBatchAcceptedCount", count(counters.append_batches_accepted)},
          {"OpenConnectionCount", std::to_string(opened - closed)},
          {"EventReadFail", count(counters.read_failures)},
          {"ChannelWriteFail", count(counters.channel_write_failures)},
          {"GenericProcessingFail", count(counters.processing_failures)}};
}

Json sink_attributes(const Sink& sink) {
  const SinkCounters& counters = sink.counters();
  return {{"ConnectionCreatedCount", count(counters.connections_created)},
          {"ConnectionClosedCount", count(counters.connections_closed)},
          {"ConnectionFailedCount", count(counters.connections_failed)},
          {"BatchEmptyCount", count(counters.batches_empty)},
          {"BatchUnderflowCount", count(counters.batches_underflow)},
          {"BatchCompleteCount", count(counters.batches_complete)},
          {"EventDrainAttemptCount", count(counters.drain_attempts)},
          {"EventDrainSuccessCount", count(counters.drain_successes)},
          {"EventWriteFail", count(counters.write_failures)},
          {"ChannelReadFail", count(counters.channel_read_failures)}};
}

Json attributes_of(const Pipeline& pipeline, const ComponentStatus& status) {
  if (status.kind == ComponentKind::kChannel) {
    for (const auto& live : pipeline.channels) {
      if (live->name() == status.name) return channel_attributes(*live);
    }
  }
  if (status.kind == ComponentKind::kSink) {
    for (const auto& unit : pipeline.sinks) {
      if (unit->label.name == status.name) return sink_attributes(*unit->sink);
    }
  }
  for (const auto& unit : pipeline.sources) {
    if (unit->label.name == status.name) return source_attributes(*unit->source);
  }
  return Json::object();
}

std::string flume_kind(ComponentKind kind) {
  switch (kind) {
    case ComponentKind::kChannel:
      return "CHANNEL";
    case ComponentKind::kSink:
      return "SINK";
    case ComponentKind::kSource:
      return "SOURCE";
    case ComponentKind::kMonitor:
      break;
  }
  return "MONITOR";
}

}  // namespace

std::string MetricsRegistry::flume_json() const {
  Json all = Json::object();
  const auto running = agent_.pipeline();
  for (const ComponentStatus& status : agent_.status()) {
    if (status.started_ms == 0) continue;
    const std::string kind = flume_kind(status.kind);
    Json& json = all[kind + "." + status.name];
    json = attributes_of(*running, status);
    json["StartTime"] = std::to_string(status.started_ms);
    json["StopTime"] = std::to_string(status.stopped_ms);
    json["Type"] = kind;
  }
  // Names come from the configuration; bytes that are not UTF-8 must not become an exception.
  return all.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace spillway::agent
