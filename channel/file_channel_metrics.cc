// What a file channel tells about itself.
#include <algorithm>

#include "channel/file_channel_engine.h"
#include "wal/base/check.h"

namespace spillway::channel {

const wal::LogWriterMetrics& FileChannel::log_metrics() const {
  CHECK(engine_ != nullptr);
  return engine_->writer->metrics();
}

bool FileChannel::is_failed() const {
  const GatePass pass(gate_);
  return pass.is_admitted() && engine_->writer->poison().has_value();
}

void FileChannel::collect_reading(const Engine& engine, MetricSink& sink) const {
  const std::uint64_t hits = engine.cache.hits.value();
  const std::uint64_t blocks = hits + engine.cache.misses.value();
  const double ratio = static_cast<double>(hits) / static_cast<double>(blocks);
  sink.histogram("take_ns", "Time of a take that found events, without waiting for them.",
                 engine.delivery->take_ns);
  sink.histogram("queue_wait_ns", "Time from durable to taken, once per block.",
                 engine.delivery->queue_wait_ns);
  sink.gauge("cache_hit_ratio", "Share of the blocks that consumers found in memory.",
             blocks == 0 ? 1 : ratio);
  sink.gauge("read_ahead_bytes", "Log bytes read before a consumer asked for them.",
             static_cast<double>(engine.reader->bytes_ahead()));
  sink.counter("scrubbed_bytes_total", "Unread log bytes verified in the background.",
               engine.scrubber->scrubbed_bytes.value());
  sink.counter("scrub_damaged_ranges_total", "Damaged ranges that verifying them has found.",
               engine.scrubber->damaged_ranges.value());
  sink.counter("scrub_damaged_events_total", "Events in those ranges.",
               engine.scrubber->damaged_events.value());
}

Residence FileChannel::residence() const {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return {};
  return {.bytes = engine_->usage->bytes(),
          .spilled_events = engine_->capacity.used_events(),
          .oldest_age_ns = engine_->oldest_age->age_ns(),
          .disk_ns = clock_.monotonic_ns() - engine_->started_ns};
}

void FileChannel::collect(MetricSink& sink) const {
  collect_log(sink);
  const GatePass pass(gate_);
  if (pass.is_admitted()) channel::collect(residence(), sink);
}

void FileChannel::collect_log(MetricSink& sink) const {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return;
  settle_dropped(*engine_);
  const Engine& engine = *engine_;
  const wal::LogWriterMetrics& log = engine.writer->metrics();
  const wal::SlotPool::Stats slots = engine.slots->stats();
  sink.histogram("commit_ns", "Time from a put to its durability.", commit_ns_);
  sink.histogram("log_write_ns", "Time of one durable write.", log.write_ns);
  sink.histogram("log_block_size_bytes", "Size of the blocks written.", log.block_size_bytes);
  sink.counter("log_written_bytes_total", "Bytes written to the log.", log.bytes.value());
  sink.counter("log_payload_bytes_total", "Of them, events and acknowledgements.",
               log.payload_bytes.value());
  sink.gauge("log_write_path", "Writes in flight by 0: threads; 1: io_uring; 2: threads, for now.",
             static_cast<double>(engine.write_path->path()));
  const wal::LogWriter::Lag lag = engine.writer->lag();
  sink.gauge("durable_lag_ns", "Age of the oldest event that is not durable yet.",
             static_cast<double>(lag.ns));
  sink.gauge("durable_lag_bytes", "Events that are not durable yet.",
             static_cast<double>(lag.bytes));
  sink.counter("async_lost_events_total", "Accepted events that could not be written.",
               log.dropped_entries.value());
  sink.counter("log_rewrites_total", "Times the log was written again after a device error.",
               log.rewrites.value());
  sink.counter("checkpoints_total", "Manifests written.", checkpoints_.value());
  sink.counter("checkpoint_errors_total", "Manifests that could not be written.",
               checkpoint_errors_.value());
  sink.counter("manifest_written_bytes_total", "Bytes written to the manifest.",
               engine.manifests->bytes_written());
  sink.counter("disk_read_bytes_total", "Log bytes read back for consumers.",
               engine.reader->disk_read_bytes.value());
  sink.counter("cache_hits_total", "Blocks handed to consumers from memory.",
               engine.cache.hits.value());
  sink.counter("cache_misses_total", "Blocks that had to be read from disk.",
               engine.cache.misses.value());
  sink.gauge("cache_bytes", "Unread blocks held in memory.",
             static_cast<double>(engine.cache.bytes()));
  sink.gauge("segments", "Segments with unacknowledged events.",
             static_cast<double>(engine.segments.size()));
  sink.gauge("spare_slots", "Slot files ready for use.", static_cast<double>(slots.spare));
  sink.gauge("log_bytes", "Bytes of the segments from the oldest unacknowledged event on.",
             static_cast<double>(engine.usage->bytes()));
  sink.gauge(
      "log_bytes_max", "Their limit, maxBytes; 0: none.",
      options_.bytes_max == Capacity::kUnlimited ? 0 : static_cast<double>(options_.bytes_max));
  sink.gauge("slot_files", "Slot files on disk, spare ones included.",
             static_cast<double>(slots.files));
  sink.gauge("data_dirs_left_out", "Data directories that cannot take new slot files.",
             static_cast<double>(slots.left_out));
  sink.counter("slots_created_total", "Slot files made.", slots.created);
  sink.counter("slots_deleted_total", "Slot files deleted.", slots.deleted);
  sink.counter("slots_unprepared_total", "Slots used before they were pre-written.",
               slots.unprepared);
  collect_reading(engine, sink);
  const auto& findings = recovered_.findings;
  const auto found_at_start = std::count_if(findings.begin(), findings.end(), [](const auto& f) {
    return f.kind == checkpoint::Finding::Kind::kLost && f.wanted > 0;
  });
  sink.counter("lost_ranges_total",
               "Damaged ranges that the start has found and consumers have skipped since.",
               lost_ranges_.value() + static_cast<std::uint64_t>(found_at_start));
  sink.counter("lost_events_total", "Events lost to damage since the channel was created.",
               lost_entries_.load());
  sink.counter("corrupt_events_total", "Events that were stored whole and are no events.",
               engine.delivery->corrupt_events.value());
  sink.gauge("space_state", "0: slot files can be made; 1: only the spare ones are left; 2: full.",
             static_cast<double>(slots.state));
  sink.gauge("is_failed", "1 after a device error, until the channel is started again.",
             engine.writer->poison() ? 1 : 0);
}

}  // namespace spillway::channel
