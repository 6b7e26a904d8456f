// When a file channel writes a manifest, what is in it, and which slots that makes free.
#include <algorithm>
#include <iterator>
#include <vector>

#include "channel/file_channel_engine.h"
#include "wal/base/log.h"

namespace spillway::channel {
namespace {

constexpr Error kClosedError{.code = Errc::kClosed, .what = "channel is not started"};

// The segments as of `end`: what the writer has begun since then is not part of it.
std::vector<wal::Segment> segments_until(std::vector<wal::Segment> segments, wal::LogEnd& end) {
  std::erase_if(segments, [&](const wal::Segment& s) { return s.first_lsn > end.lsn; });
  if (segments.empty()) return segments;
  wal::Segment& last = segments.back();
  last.end_lsn = end.lsn;
  last.end_sequence = end.next_sequence;
  end.last_segment = std::max(end.last_segment, last.number);
  return segments;
}

}  // namespace

Result<void> FileChannel::store_manifest(Engine& engine, bool is_clean) {
  const MutexLock lock(checkpoint_mutex_);
  if (!is_clean) engine.writer->finish_drained_segment(engine.delivery->acked_below());
  const wal::SegmentNumber sealed = engine.segments.last_sealed();
  checkpoint::Manifest manifest;
  manifest.channel_id = recovered_.channel_id;
  wal::LogWriter::Durable durable = engine.writer->durable();
  manifest.end = durable.end;  // before the rest, which is clamped to it
  manifest.bookmarks = std::move(durable.bookmarks);
  manifest.is_clean = is_clean;
  if (options_.durability == Durability::kOs) TRY(engine.writer->sync());
  const Delivery::Progress progress = engine.delivery->progress(manifest.end);
  manifest.acks = progress.acks;
  manifest.read_lsn = progress.read_lsn;
  manifest.read_sequence = progress.read_sequence;
  manifest.lost_entries = lost_entries_.load();
  const std::vector<wal::Segment> drained = engine.segments.remove_drained(
      manifest.end.lsn,
      [&](const wal::SequenceRange& entries) { return progress.acks.covers(entries); });
  manifest.segments = segments_until(engine.segments.snapshot(), manifest.end);

  Result<void> stored = engine.manifests->store(manifest);
  // Should this one be damaged one day, the one before is used: it must not list them either.
  if (stored.has_value() && !drained.empty()) stored = engine.manifests->store(manifest);
  if (!stored.has_value()) {
    engine.segments.put_back(drained);
    checkpoint_errors_.add();
    return stored;
  }
  // Only now may the slots be overwritten: no manifest refers to them any more.
  for (const wal::Segment& segment : drained) engine.slots->release(segment.slot);
  if (!drained.empty()) engine.usage->settle();
  checkpoints_.add();
  const auto& segments = manifest.segments;
  const bool can_reclaim = !segments.empty() && segments.front().is_sealed;
  reclaim_at_.store(can_reclaim ? segments.front().end_sequence.value : UINT64_MAX);
  checkpoint_at_bytes_.store(engine.writer->metrics().bytes.value() + options_.checkpoint_bytes);
  // A start looks through all of the last segment: it should not have to begin in one before.
  const bool is_due_at_seal = options_.checkpoint_bytes <= engine.log.slot_bytes;
  checkpoint_at_sealed_.store(is_due_at_seal ? sealed.value : UINT64_MAX);
  return {};
}

// Slots that are free by what was recovered are still listed by a manifest that may be needed once
// more, until both have been overwritten.
Result<void> FileChannel::restate_manifests(Engine& engine) const {
  if (!recovered_.has_outdated_manifest) return {};
  const checkpoint::ReadPosition read = recovered_.first_unread();
  checkpoint::Manifest manifest{.generation = 0,
                                .channel_id = recovered_.channel_id,
                                .end = recovered_.end,
                                .is_clean = false,
                                .acks = recovered_.acks,
                                .read_lsn = read.lsn,
                                .read_sequence = read.sequence,
                                .segments = recovered_.segments,
                                .lost_entries = recovered_.lost_entries,
                                .bookmarks = recovered_.bookmarks};
  TRY(engine.manifests->store(manifest));
  return engine.manifests->store(manifest);
}

Result<void> FileChannel::checkpoint() {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  return store_manifest(*engine_, /*is_clean=*/false);
}

void FileChannel::request_checkpoint_if_due() {
  const bool is_due = engine_->delivery->acked_below().value >= reclaim_at_.load() ||
                      engine_->writer->metrics().bytes.value() >= checkpoint_at_bytes_.load() ||
                      engine_->segments.last_sealed().value > checkpoint_at_sealed_.load();
  if (is_due) request_checkpoint();
}

bool FileChannel::has_drained_segment(const Lease& acknowledged) const {
  const Delivery& delivery = *engine_->delivery;
  if (!delivery.is_out_of_order()) return false;
  return std::any_of(acknowledged.ranges.begin(), acknowledged.ranges.end(),
                     [&](const wal::SequenceRange& range) {
                       const auto finished = engine_->segments.finished_around(range.first);
                       return finished && delivery.is_acknowledged(*finished);
                     });
}

bool FileChannel::can_reclaim() const {
  const std::vector<wal::Segment> segments = engine_->segments.snapshot();
  if (segments.empty()) return false;
  const Delivery& delivery = *engine_->delivery;
  if (segments.back().end_sequence <= delivery.acked_below()) {
    return segments.front().is_sealed || !engine_->slots->has_room();
  }
  return std::any_of(segments.begin(), std::prev(segments.end()), [&](const auto& segment) {
    return segment.is_sealed &&
           delivery.is_acknowledged({.first = segment.first_sequence, .end = segment.end_sequence});
  });
}

void FileChannel::request_checkpoint() {
  if (options_.log.background == wal::Background::kNone) {
    static_cast<void>(store_manifest(*engine_, /*is_clean=*/false));  // counted; tried again
    return;
  }
  const MutexLock lock(wake_mutex_);
  if (is_checkpoint_wanted_) return;
  is_checkpoint_wanted_ = true;
  wake_.notify_one();
}

void FileChannel::run_checkpoints() {
  const std::shared_ptr<Engine> engine = engine_;
  MutexLock lock(wake_mutex_);
  while (!is_stopping_) {
    if (!is_checkpoint_wanted_) wake_.wait_for(lock, options_.checkpoint_interval);
    if (is_stopping_) return;
    is_checkpoint_wanted_ = false;  // what is wanted from here on needs another one
    lock.unlock();
    const auto stored = store_manifest(*engine, /*is_clean=*/false);
    if (!stored.has_value()) {
      log_error("channel.checkpoint_failed", "cannot write the manifest; space is not reclaimed",
                {{"channel", options_.name}, {"error", stored.error()}});
    }
    lock.lock();
    if (stored.has_value() || is_stopping_) continue;
    // A manifest that cannot be written is not tried again before the interval, or a new request.
    is_checkpoint_wanted_ = false;
    wake_.wait_for(lock, options_.checkpoint_interval);
  }
}

}  // namespace spillway::channel
