#include "channel/file_channel.h"

#include <sys/random.h>

#include <algorithm>
#include <utility>

#include "channel/file_channel_engine.h"
#include "channel/quarantine.h"
#include "channel/recovery_log.h"
#include "channel/repair_mark.h"
#include "checkpoint/key_check.h"
#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::channel {
namespace {

constexpr Error kClosedError{.code = Errc::kClosed, .what = "channel is not started"};

wal::ChannelId new_channel_id(std::uint64_t seed) {
  wal::ChannelId id{};
  if (seed != 0) {  // deterministic tests
    Random random(seed);
    store_le(id.data(), random());
    store_le(id.data() + 8, random());
  } else {
    CHECK(getrandom(id.data(), id.size(), 0) == static_cast<ssize_t>(id.size()));
  }
  return id;
}

FileChannelOptions with_block_durability(FileChannelOptions options) {
  if (options.durability == Durability::kOs) {
    options.log.block_durability = io::Durability::kNone;
  }
  return options;
}

}  // namespace

/// Holds the engine, so that a transaction forgotten over a stop() does no harm.
class FileChannel::Take final : public TakeTransaction {
 public:
  Take(FileChannel& channel, std::shared_ptr<Engine> engine, Lease lease)
      : channel_(channel), engine_(std::move(engine)), lease_(std::move(lease)) {}
  ~Take() override {
    if (engine_ != nullptr) rollback();
  }

  [[nodiscard]] std::span<const EventView> events() const override { return lease_.events; }

  Result<void> commit() override {
    const auto engine = finish();
    const GatePass pass(channel_.gate_);
    if (!pass.is_admitted() || channel_.engine_ != engine) return kClosedError;
    if (channel_.options_.ack_durability == AckDurability::kStrict) {
      TRY(commit_durably(*engine));
    } else {
      engine->delivery->acknowledge(lease_);
    }
    engine->capacity.release(lease_.events.size(), 0);
    engine->usage->settle();
    channel_.counters_.take_successes.add(lease_.events.size());
    if (channel_.has_drained_segment(lease_)) {
      channel_.request_checkpoint();
    } else {
      channel_.request_checkpoint_if_due();
    }
    return {};
  }

  void rollback() override {
    const auto engine = finish();
    if (!lease_.events.empty()) engine->delivery->give_back(std::move(lease_));
    lease_ = {};
  }

 private:
  Result<void> commit_durably(Engine& engine) {
    const Result<void> durable = engine.delivery->acknowledge_durably(lease_);
    // A log that cannot be written, for want of space or for good, leaves the manifest.
    if (durable.has_value() || channel_.store_manifest(engine, /*is_clean=*/false).has_value()) {
      return {};
    }
    channel_.counters_.take_errors.add();
    engine.delivery->withdraw(std::move(lease_));
    return durable;
  }

  std::shared_ptr<Engine> finish() {
    CHECK(engine_ != nullptr);
    return std::exchange(engine_, nullptr);
  }

  FileChannel& channel_;
  std::shared_ptr<Engine> engine_;  // nullptr once finished
  Lease lease_;
};

FileChannel::FileChannel(FileChannelOptions options, io::FileSystem& file_system,
                         const Clock& clock)
    : options_(with_block_durability(std::move(options))),
      file_system_(file_system),
      clock_(clock) {
  CHECK(!options_.data_dirs.empty());
  CHECK(options_.transaction_capacity <= options_.capacity_events);
}

FileChannel::~FileChannel() {
  stop();
}

// ---- start and stop

Result<void> FileChannel::start() {
  CHECK(gate_.is_closed());
  auto engine = std::make_shared<Engine>(
      options_,
      [this](const wal::LostRange& lost, std::uint64_t wanted) { on_lost(lost, wanted); });
  if (options_.load_keys) {
    TRY_ASSIGN(engine->log.keys, options_.load_keys());
  }
  TRY(lock_directories(*engine));
  TRY(recover(*engine));
  TRY(open_log(*engine));
  settled_entries_.store(0);
  are_limits_lifted_.store(false);
  engine->capacity.restore(recovered_.pending_entries(), 0);
  engine->usage->settle();
  engine->started_ns = clock_.monotonic_ns();
  engine_ = std::move(engine);
  {
    const MutexLock lock(wake_mutex_);
    is_stopping_ = false;
    is_checkpoint_wanted_ = false;
  }
  gate_.open();
  if (options_.log.background == wal::Background::kThreads) {
    checkpointer_ = std::thread([this] { run_checkpoints(); });
    engine_->scrubber->start([&engine = *engine_] {
      return Scrubber::Traffic{.read_lsn = engine.delivery->read_lsn(),
                               .written_bytes = engine.writer->metrics().bytes.value()};
    });
  }
  return {};
}

Result<void> FileChannel::lock_directories(Engine& engine) {
  constexpr auto kCreate = io::FileSystem::Missing::kCreate;
  TRY_ASSIGN(engine.checkpoint_directory,
             file_system_.open_directory(options_.checkpoint_dir, kCreate));
  for (const std::string& path : options_.data_dirs) {
    TRY_ASSIGN(auto directory, file_system_.open_directory(path, kCreate));
    TRY_ASSIGN(const auto names, directory->list());
    // The lock may be of an earlier start that was refused.
    const bool is_empty = std::all_of(names.begin(), names.end(), [](const std::string& name) {
      return name == io::kLockFileName;
    });
    if (is_empty && path != options_.checkpoint_dir) engine.empty_directory = directory.get();
    engine.data_directories.push_back(std::move(directory));
  }
  TRY_ASSIGN(auto checkpoint_lock, engine.checkpoint_directory->lock());
  engine.locks.push_back(std::move(checkpoint_lock));
  for (const auto& directory : engine.data_directories) {
    if (directory->path() == options_.checkpoint_dir) continue;
    TRY_ASSIGN(auto lock, directory->lock());
    engine.locks.push_back(std::move(lock));
  }
  return check_no_repair(*engine.checkpoint_directory);
}

// Started on a part of the files, recovery would take the rest for lost.
Result<void> FileChannel::check_no_repair(io::Directory& checkpoint_directory) const {
  TRY_ASSIGN(const auto names, checkpoint_directory.list());
  if (std::find(names.begin(), names.end(), kRepairMarkName) == names.end()) return {};
  log_error("channel.repair_unfinished",
            "a repair of the channel was cut off: `spillway recover repair --apply` finishes it",
            {{"channel", options_.name}, {"directory", checkpoint_directory.path()}});
  return Error{.code = Errc::kLocked, .what = "a repair of the channel is not finished"};
}

Result<void> FileChannel::recover(Engine& engine) {
  engine.manifests = std::make_unique<checkpoint::ManifestStore>(*engine.checkpoint_directory,
                                                                 options_.manifest_bytes_max);
  // What a crashed process did to the directories must be durable before it is relied on.
  TRY(engine.checkpoint_directory->sync());
  std::vector<io::Directory*> directories;
  for (const auto& directory : engine.data_directories) {
    TRY(directory->sync());
    directories.push_back(directory.get());
  }
  TRY_ASSIGN(const auto manifests,
             engine.manifests->load(checkpoint::ManifestStore::Access::kReadWrite));
  engine.slots = std::make_unique<wal::SlotPool>(std::move(directories), engine.log);
  TRY(engine.slots->open());
  TRY_ASSIGN(recovered_, checkpoint::recover_log(manifests, *engine.slots, engine.log,
                                                 new_channel_id(options_.log.nonce_seed)));
  if (recovered_.is_new) recovered_.bookmarks = options_.first_bookmarks;
  TRY(check_keys(engine));
  TRY(check_directories(engine));
  log_recovery(options_.name, recovered_);
  for (const checkpoint::Finding& finding : recovered_.findings) {
    if (finding.kind != checkpoint::Finding::Kind::kLost) continue;
    for (const wal::Segment& segment : recovered_.segments) {
      if (segment.number != finding.segment) continue;
      const auto kept =
          quarantine(*engine.checkpoint_directory, *engine.slots, segment, finding.lost);
      if (!kept.has_value()) log_quarantine_failure(options_.name, kept.error());
    }
  }
  lost_entries_.store(recovered_.lost_entries);
  return {};
}

// Started without a disk, the channel would take what is on it for lost.
Result<void> FileChannel::check_directories(const Engine& engine) const {
  const bool has_missing_slot = std::any_of(
      recovered_.findings.begin(), recovered_.findings.end(),
      [](const auto& finding) { return finding.kind == checkpoint::Finding::Kind::kSlotMissing; });
  if (!has_missing_slot) return {};
  if (engine.empty_directory != nullptr) {
    log_error("channel.data_dir_empty",
              "a data directory is empty although events were stored in it: is its disk mounted?",
              {{"channel", options_.name}, {"directory", engine.empty_directory->path()}});
    return Error{.code = Errc::kNotFound, .what = "data directory has lost its slot files"};
  }
  if (engine.slots->parts_found_max() <= options_.data_dirs.size()) return {};
  log_error("channel.data_dir_missing",
            "stored events lie in parts on more directories than dataDirs names",
            {{"channel", options_.name},
             {"parts", engine.slots->parts_found_max()},
             {"data_dirs", options_.data_dirs.size()}});
  return Error{.code = Errc::kNotFound, .what = "parts of the slot files are in no data directory"};
}

Result<void> FileChannel::check_keys(Engine& engine) const {
  TRY_ASSIGN(const auto missing,
             checkpoint::missing_keys(recovered_, *engine.slots, engine.log.keys.get()));
  if (missing.empty()) return {};
  for (const checkpoint::SegmentKey& key : missing) {
    log_error("channel.key_missing", "stored events are encrypted with a key that is not there",
              {{"channel", options_.name},
               {"reason", checkpoint::missing_in_words(key, engine.log.keys.get())}});
  }
  return Error{.code = Errc::kNotFound, .what = "a key of stored events is missing or wrong"};
}

Result<void> FileChannel::open_log(Engine& engine) {
  TRY(engine.manifests->create_if_missing());
  TRY(restate_manifests(engine));
  std::vector<wal::SlotId> in_use = recovered_.untouchable_slots;
  for (const wal::Segment& segment : recovered_.segments) {
    engine.segments.append(segment);
    in_use.push_back(segment.slot);
  }
  const std::vector<wal::SlotId>& given_up = recovered_.given_up_slots;
  in_use.insert(in_use.end(), given_up.begin(), given_up.end());
  engine.slots->set_space_listener(
      [this](wal::SpaceState now, const Error& why) { on_space(now, why); });
  engine.slots->start(in_use);
  engine.reader = std::make_unique<wal::LogReader>(recovered_.channel_id, engine.log, *engine.slots,
                                                   engine.segments, engine.cache);
  engine.delivery = std::make_unique<Delivery>(*engine.reader, engine.lost_handler, clock_);
  engine.usage = std::make_unique<DiskUsage>(engine.capacity, engine.segments, *engine.delivery);
  engine.writer =
      std::make_unique<wal::LogWriter>(wal::LogParts{recovered_.channel_id, engine.log,
                                                     *engine.slots, engine.segments, engine.cache},
                                       *engine.delivery, clock_);
  engine.scrubber = std::make_unique<Scrubber>(
      options_.name, options_.scrub,
      ScrubbedLog{recovered_.channel_id, engine.log, *engine.slots, engine.segments}, clock_);
  engine.oldest_age = std::make_unique<OldestAge>(recovered_.channel_id, *engine.delivery,
                                                  *engine.slots, engine.segments, clock_);
  std::optional<wal::Segment> last;
  if (recovered_.can_continue) last = recovered_.segments.back();
  TRY(engine.writer->open(recovered_.end, last, recovered_.acks.below(), recovered_.bookmarks));
  for (const wal::SlotId slot : given_up) engine.slots->release(slot);
  const checkpoint::ReadPosition read = recovered_.first_unread();
  engine.delivery->open(*engine.writer, recovered_.acks, read.lsn, read.sequence);
  engine.write_path = std::make_unique<wal::WritePathChooser>(
      wal::WritePathChooser::Log{options_.name, *engine.slots, *engine.writer}, engine.log,
      file_system_, clock_);
  engine.write_path->start();
  // From here on the last manifest must not be taken for a clean end any more.
  return store_manifest(engine, /*is_clean=*/false);
}

void FileChannel::stop() {
  if (gate_.is_closed()) return;
  gate_.shut();
  engine_->capacity.close();
  engine_->delivery->close();
  gate_.close();
  {
    const MutexLock lock(wake_mutex_);
    is_stopping_ = true;
    wake_.notify_all();
  }
  if (checkpointer_.joinable()) checkpointer_.join();
  const std::shared_ptr<Engine> engine = std::exchange(engine_, nullptr);
  engine->write_path.reset();
  engine->scrubber->stop();
  engine->reader->stop();
  Result<void> closed = engine->writer->close();
  if (closed.has_value()) closed = store_manifest(*engine, engine->writer->has_open_segment());
  if (!closed.has_value()) {
    log_warn("channel.unclean_stop",
             "the channel could not be closed in order; the next start scans",
             {{"channel", options_.name}, {"error", closed.error()}});
  }
  settle_dropped(*engine);
  engine->slots->stop();
  engine->locks.clear();
}

// ---- transactions

Result<std::unique_ptr<TakeTransaction>> FileChannel::put_taken(std::shared_ptr<EventBatch> batch) {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  settle_dropped(*engine_);
  TRY(check_manifest_room());
  const std::uint64_t cost_bytes = cost_of_put(*batch);
  TRY(engine_->capacity.acquire(batch->size(), cost_bytes, options_.keep_alive));
  const auto ticket = engine_->writer->append(batch->entries(), batch->size());
  Result<void> logged;
  if (ticket.has_value()) {
    engine_->delivery->withhold(ticket.value().range());
    logged = engine_->writer->wait_durable(ticket.value());
    if (!logged.has_value()) engine_->delivery->stop_withholding(ticket.value().range());
  } else {
    logged = ticket.error();
  }
  if (!logged.has_value()) {
    engine_->capacity.release(batch->size(), cost_bytes);
    return logged.error();
  }
  engine_->usage->settle(cost_bytes);
  Lease lease;
  for (std::size_t i = 0; i < batch->size(); ++i) lease.events.push_back((*batch)[i]);
  lease.ranges.push_back(ticket.value().range());
  lease.pins.push_back(std::move(batch));
  return std::unique_ptr<TakeTransaction>(std::make_unique<Take>(*this, engine_, std::move(lease)));
}

Result<std::optional<std::string>> FileChannel::bookmark(std::string_view key) const {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  if (key.size() > wal::kBookmarkKeyBytesMax) return Channel::bookmark(key);  // puts refuse it
  return engine_->writer->bookmark(key);
}

Result<std::unique_ptr<TakeTransaction>> FileChannel::take(std::size_t events_max,
                                                           std::chrono::milliseconds wait) {
  const GatePass pass(gate_);
  if (!pass.is_admitted()) return kClosedError;
  if (events_max > options_.transaction_capacity) {
    return Error{.code = Errc::kTooLarge, .what = "take of more events than transactionCapacity"};
  }
  Lease lease;
  const auto taken = engine_->delivery->take(events_max, wait, lease);
  if (!taken.has_value()) {
    counters_.take_errors.add();
    return taken.error();
  }
  if (lease.events.empty() && gate_.is_closed()) return kClosedError;
  const std::size_t taken_count = lease.events.size();
  counters_.take_attempts.add(taken_count < events_max ? taken_count + 1 : taken_count);
  return std::unique_ptr<TakeTransaction>(std::make_unique<Take>(*this, engine_, std::move(lease)));
}

void FileChannel::interrupt_takes() {
  const GatePass pass(gate_);
  if (pass.is_admitted()) engine_->delivery->interrupt();
}

std::uint64_t FileChannel::size_events() const {
  const GatePass pass(gate_);
  return pass.is_admitted() ? engine_->capacity.used_events() : 0;
}

void FileChannel::on_lost(const wal::LostRange& lost, std::uint64_t wanted) {
  // Also called for what recovery has reported already; then nothing was wanted any more.
  if (wanted == 0) return;
  lost_ranges_.add();
  lost_entries_.fetch_add(wanted);
  engine_->capacity.release(wanted, 0);
  log_lost(options_.name, lost, wanted);
  const auto segment = engine_->segments.find(lost.first_lsn);
  if (!segment) return;
  const auto kept = quarantine(*engine_->checkpoint_directory, *engine_->slots, *segment, lost);
  if (!kept.has_value()) log_quarantine_failure(options_.name, kept.error());
}

// ---- space

void FileChannel::on_space(wal::SpaceState now, const Error& why) const {
  switch (now) {
    case wal::SpaceState::kNormal:
      log_info("channel.disk_ok", "there is disk space for the log again",
               {{"channel", options_.name}});
      return;
    case wal::SpaceState::kLow:
      log_warn("channel.disk_low", "no further slot file can be made; the spare ones are left",
               {{"channel", options_.name}, {"error", why}});
      return;
    case wal::SpaceState::kFull:
      log_error("channel.disk_full",
                "no slot file is left and none can be made: puts are refused, sinks go on",
                {{"channel", options_.name}, {"error", why}});
      return;
  }
}

}  // namespace spillway::channel
