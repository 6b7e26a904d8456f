// How events get into a file channel: what a put is checked against, waits for and gives back.
#include "channel/file_channel_engine.h"
#include "wal/base/log.h"

namespace spillway::channel {
namespace {

constexpr Error kClosedError{.code = Errc::kClosed, .what = "channel is not started"};

}  // namespace

// 0 without a limit, too.
std::uint64_t FileChannel::cost_of_put(const EventBatch& batch) const {
  if (are_limits_lifted_.load(std::memory_order_relaxed)) return 0;
  return engine_->usage->cost_of_put(batch.entries().size());
}

Result<void> FileChannel::check(const EventBatch& batch) const {
  if (batch.size() > options_.transaction_capacity) {
    return Error{.code = Errc::kTooLarge, .what = "batch has more events than transactionCapacity"};
  }
  if (batch.bookmark() && !batch.bookmark()->is_possible()) {
    return Error{.code = Errc::kTooLarge, .what = "bookmark of the batch is too large"};
  }
  TRY(engine_->capacity.check(batch.size(), cost_of_put(batch)));
  return engine_->writer->check(batch.entries(), batch.bookmark());
}

Result<void> FileChannel::put(const EventBatch& batch, Durability durability) {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  if (batch.is_empty()) return {};
  counters_.put_attempts.add(batch.size());
  TRY(check(batch));
  settle_dropped(*engine_);
  TRY(check_manifest_room());
  const std::uint64_t cost_bytes = cost_of_put(batch);
  // What others have drained counts until a checkpoint gives it back.
  const bool must_wait = engine_->capacity.used_bytes() + cost_bytes > options_.bytes_max;
  if (cost_bytes > 0 && must_wait && can_reclaim()) request_checkpoint();
  TRY(engine_->capacity.acquire(batch.size(), cost_bytes, options_.keep_alive));
  const std::uint64_t started_ns = clock_.monotonic_ns();
  const Result<void> logged = log_batch(batch, durability);
  if (!logged.has_value()) {
    engine_->capacity.release(batch.size(), cost_bytes);
    counters_.put_errors.add();
    // Sinks may have freed segments since the last checkpoint; only a checkpoint gives them back.
    if (logged.error().code == Errc::kNoSpace && can_reclaim()) request_checkpoint();
    return logged;
  }
  engine_->usage->settle(cost_bytes);
  commit_ns_.record(clock_.monotonic_ns() - started_ns);
  counters_.put_successes.add(batch.size());
  request_checkpoint_if_due();
  return {};
}

// Each segment is a row of the manifest. Refused in time, or no checkpoint could be made any more.
Result<void> FileChannel::check_manifest_room() {
  if (engine_->segments.size() < engine_->manifests->segments_max()) return {};
  if (can_reclaim()) {
    request_checkpoint();  // rare: manifest_full_of_drained_segments
  }
  if (engine_->segments.size() < engine_->manifests->segments_max()) return {};
  return Error{.code = Errc::kFull,
               .what =
                   "channel has as many segments as its manifest can list: its sinks may not be "
                   "keeping up, or segmentSize is too small"};
}

Result<void> FileChannel::log_batch(const EventBatch& batch, Durability durability) {
  wal::LogWriter& writer = *engine_->writer;
  if (durability == Durability::kAsync) {
    TRY(writer.append(batch.entries(), batch.size(), wal::LogWriter::Waiter::kNone,
                      batch.bookmark()));
    return {};
  }
  TRY(writer.commit(batch.entries(), batch.size(), batch.bookmark()));
  const bool must_sync =
      durability == Durability::kCommit && options_.durability == Durability::kOs;
  return must_sync ? writer.sync() : Result<void>();
}

Result<void> FileChannel::flush() {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  const Result<void> appended = engine_->writer->wait_appended();
  settle_dropped(*engine_);
  return appended;
}

std::uint64_t FileChannel::refused_events() const {
  const GatePass pass(gate_);
  return pass.is_admitted() ? engine_->writer->metrics().dropped_entries.value() : 0;
}

// Their puts succeeded, and then they could not be written.
void FileChannel::settle_dropped(Engine& engine) const {
  const std::uint64_t dropped = engine.writer->metrics().dropped_entries.value();
  std::uint64_t settled = settled_entries_.load();
  while (settled < dropped) {
    if (!settled_entries_.compare_exchange_weak(settled, dropped)) continue;
    engine.capacity.release(dropped - settled, 0);
    if (options_.log.keeps_unawaited) return;
    log_error("channel.async_lost", "events that were accepted could not be written",
              {{"channel", options_.name}, {"events", dropped - settled}});
    return;
  }
}

void FileChannel::lift_limits() {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return;
  are_limits_lifted_.store(true);
  engine_->slots->lift_minimum();
}

}  // namespace spillway::channel
