#include "agent/recover/channel_copy.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace spillway::agent::recover {
namespace {

constexpr std::uint64_t kBatchEvents = 1000;
constexpr std::uint64_t kBatchBytes = 1 * kMiB;
constexpr std::uint64_t kSlotBytesMin = 1 * kMiB;

channel::FileChannelOptions options_of(const ChannelCopy::Place& place, std::uint64_t slot_bytes,
                                       std::shared_ptr<const wal::KeyRing> keys,
                                       const wal::Bookmarks& bookmarks) {
  channel::FileChannelOptions options{.name = "copy",
                                      .checkpoint_dir = place.checkpoint_dir,
                                      .data_dirs = place.data_dirs,
                                      .capacity_events = UINT64_MAX,
                                      .transaction_capacity = kBatchEvents};
  // Nobody relies on a part of the copy: it is made durable once, at its end.
  options.durability = channel::Durability::kOs;
  options.log.background = wal::Background::kNone;
  options.log.slot_bytes = slot_bytes;
  options.log.block_bytes_max =
      std::min(options.log.block_bytes_max, align_down(slot_bytes / 2, wal::kBlockAlignBytes));
  options.log.spare_slots_min = 1;
  options.log.cache_bytes_max = 0;
  options.first_bookmarks = bookmarks;
  if (keys != nullptr) {
    options.load_keys = [keys = std::move(keys)] { return Result(keys); };
  }
  return options;
}

}  // namespace

Result<std::shared_ptr<const wal::KeyRing>> keys_for_copy(const OfflineChannel& channel) {
  const auto& segments = channel.log.segments;
  const auto newest = std::find_if(segments.rbegin(), segments.rend(),
                                   [](const wal::Segment& segment) { return segment.key_id != 0; });
  if (newest == segments.rend()) return std::shared_ptr<const wal::KeyRing>();
  const wal::MasterKey* const key = channel.options.keys->find(newest->key_id);
  if (key == nullptr) return Error{.code = Errc::kNotFound, .what = "the key is missing"};
  auto ring = std::make_shared<wal::KeyRing>();
  TRY(ring->add(key->alias(), key->secret()));
  TRY(ring->set_active(key->alias()));
  return std::shared_ptr<const wal::KeyRing>(std::move(ring));
}

std::uint64_t slot_bytes_for_copy(const OfflineChannel& channel) {
  std::uint64_t bytes = 0;
  for (const wal::Segment& segment : channel.log.segments) {
    bytes = std::max(bytes, segment.slot_bytes);
  }
  return bytes == 0 ? wal::LogOptions{}.slot_bytes : std::max(bytes, kSlotBytesMin);
}

ChannelCopy::ChannelCopy(Place place, std::uint64_t slot_bytes,
                         std::shared_ptr<const wal::KeyRing> keys, wal::Bookmarks bookmarks)
    : place_(std::move(place)), keys_(std::move(keys)), bookmarks_(std::move(bookmarks)) {
  channel_ = std::make_unique<channel::FileChannel>(
      options_of(place_, slot_bytes, keys_, bookmarks_), file_system_, clock_);
}

Result<void> ChannelCopy::create() {
  return channel_->start();
}

Result<void> ChannelCopy::add(const channel::EventView& event) {
  batch_.add(event);
  ++events_;
  const bool is_full = batch_.size() >= kBatchEvents || batch_.encoded_bytes() >= kBatchBytes;
  return is_full ? put() : Result<void>();
}

Result<void> ChannelCopy::put() {
  TRY(channel_->put(batch_));
  batch_.clear();
  return {};
}

Result<void> ChannelCopy::finish() {
  TRY(put());
  TRY(channel_->checkpoint());  // syncs; stop() would only log that it cannot
  log_bytes_ = channel_->log_metrics().bytes.value();
  channel_->stop();
  return check();
}

// What a start would find. The bytes behind it were checksummed on their way in.
Result<void> ChannelCopy::check() const {
  OfflineChannel copy;
  const auto refusal = open_channel(
      {.checkpoint_dir = place_.checkpoint_dir, .data_dirs = place_.data_dirs}, keys_, copy);
  const bool is_whole = !refusal && copy.log.was_clean && copy.log.findings.empty() &&
                        copy.log.pending_entries() == events_ && copy.log.bookmarks == bookmarks_;
  if (is_whole) return {};
  return Error{.code = Errc::kCorrupt, .what = "the copy does not hold what was put in it"};
}

}  // namespace spillway::agent::recover
