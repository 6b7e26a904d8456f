// The durable channel: a write-ahead log, acknowledgements and checkpoints behind the Channel
// contract. Takes the place of Flume's FileChannel.
//
// Composes LogWriter, LogReader, Delivery and the manifest, and owns their order of start and stop.
// What survives which failure: docs/durability.md.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "channel/capacity.h"
#include "channel/channel.h"
#include "channel/delivery.h"
#include "channel/residence.h"
#include "channel/scrubber.h"
#include "checkpoint/manifest_store.h"
#include "checkpoint/recovery.h"
#include "wal/base/clock.h"
#include "wal/base/gate.h"
#include "wal/base/mutex.h"
#include "wal/io/file.h"
#include "wal/key_ring.h"
#include "wal/log_reader.h"
#include "wal/log_writer.h"
#include "wal/options.h"

namespace spillway::channel {

enum class AckDurability : std::uint8_t {
  kLazy,    // within milliseconds; a crash before that means second deliveries
  kStrict,  // before the commit of a take returns
};

/// When a put succeeds. docs/durability.md has a row for each.
enum class Durability : std::uint8_t {
  kCommit,  // when it is durable
  kAsync,   // at once; durable within options.log.lag_ns_max and staging_bytes_max
  kOs,      // when the device has it, maybe in a cache: survives the process, not the power
};

struct FileChannelOptions {
  std::string name{};
  std::string checkpoint_dir{};  // the manifest and, after damage, copies of what was damaged
  std::vector<std::string> data_dirs{};  // slot files, in parts on all of them; at least one
  std::uint64_t capacity_events = 1'000'000;
  std::uint64_t transaction_capacity = 10'000;  // <= capacity_events
  // Bytes of the segments from the oldest unacknowledged event on, without those reclaimed in
  // between. The files take up to two slots and the spare ones more.
  std::uint64_t bytes_max = Capacity::kUnlimited;
  std::chrono::milliseconds keep_alive{3000};  // how long a put waits for room
  std::chrono::milliseconds checkpoint_interval{30'000};
  Durability durability = Durability::kCommit;
  AckDurability ack_durability = AckDurability::kLazy;
  ScrubOptions scrub{};
  // Log written since the last checkpoint: bounds what a start after a crash has to scan.
  // Not larger than a slot: also when a segment is finished, so that no start scans two of them.
  std::uint64_t checkpoint_bytes = 32 * kMiB;
  std::size_t manifest_bytes_max = checkpoint::kManifestSlotBytes;  // puts are refused beyond it
  wal::LogOptions log{};
  wal::Bookmarks first_bookmarks{};  // of a channel that is made; one that is there has its own
  // Read at each start; none: plain text, and events that are encrypted make the start fail.
  std::function<Result<std::shared_ptr<const wal::KeyRing>>()> load_keys{};
};

class FileChannel final : public Channel {
 public:
  /// `file_system` and `clock` must outlive the channel.
  FileChannel(FileChannelOptions options, io::FileSystem& file_system, const Clock& clock);
  ~FileChannel() override;

  /// Locks the directories, recovers, starts the background threads. One attempt at a time; after
  /// a failure it may be called again. kLocked: another process or channel uses a directory, or a
  /// repair of it is not finished.
  /// kNotFound: a key of events in it is missing or wrong; nothing has been changed.
  Result<void> start() override;
  void stop() override;

  /// As Channel::put; kFull also when the manifest has no room for another segment. kNoSpace: the
  /// disk is full, nothing was put, room comes back as sinks drain. kIo: the device failed; the
  /// channel takes no more events until it is started again.
  Result<void> put(const EventBatch& batch) override { return put(batch, options_.durability); }

  /// One transaction with a durability of its own. kCommit makes durable what was put before it,
  /// too; kOs counts as kCommit unless it is the channel's.
  Result<void> put(const EventBatch& batch, Durability durability);

  /// kTooLarge when no put of it could ever succeed, however empty the channel. Valid while
  /// started.
  [[nodiscard]] Result<void> check(const EventBatch& batch) const;

  /// From here on until stop() puts take what the disk has, beyond maxBytes and
  /// minimumRequiredSpace; what was full is tried again at once.
  void lift_limits();

  /// Puts durably what somebody has in hands already: as if they had put it and taken it. The
  /// caller sees to it that nobody else puts or takes that far meanwhile.
  Result<std::unique_ptr<TakeTransaction>> put_taken(std::shared_ptr<EventBatch> batch);

  /// Returns once everything put before is durable, whatever durability it asked for.
  Result<void> flush();

  /// Events put with kAsync since start() that could not be written after all, whole transactions.
  /// With options.log.keeps_unawaited always the newest: later puts are refused until flush().
  [[nodiscard]] std::uint64_t refused_events() const;
  Result<std::unique_ptr<TakeTransaction>> take(std::size_t events_max,
                                                std::chrono::milliseconds wait) override;
  void interrupt_takes() override;

  /// Writes a manifest now. Errors leave the previous one in force.
  Result<void> checkpoint();

  [[nodiscard]] std::uint64_t size_events() const override;
  [[nodiscard]] std::uint64_t capacity_events() const override { return options_.capacity_events; }
  [[nodiscard]] std::uint64_t transaction_capacity() const override {
    return options_.transaction_capacity;
  }
  [[nodiscard]] const ChannelCounters& counters() const override { return counters_; }
  [[nodiscard]] bool survives_stop() const override { return true; }
  Result<std::optional<std::string>> bookmark(std::string_view key) const override;
  [[nodiscard]] bool is_failed() const override;
  void collect(MetricSink& sink) const override;

  /// Of this log alone; nothing while stopped.
  void collect_log(MetricSink& sink) const;
  [[nodiscard]] Residence residence() const;

  [[nodiscard]] const FileChannelOptions& options() const { return options_; }

  /// Of the running log. Valid while started.
  [[nodiscard]] const wal::LogWriterMetrics& log_metrics() const;

  /// What the last start() found. Valid while started.
  [[nodiscard]] const checkpoint::RecoveredLog& recovered() const { return recovered_; }

 private:
  class Take;
  struct Engine;  // everything that lives from start() to stop()

  Result<void> lock_directories(Engine& engine);
  Result<void> check_no_repair(io::Directory& checkpoint_directory) const;
  Result<void> recover(Engine& engine);
  [[nodiscard]] Result<void> check_directories(const Engine& engine) const;
  Result<void> check_keys(Engine& engine) const;
  Result<void> open_log(Engine& engine);
  Result<void> store_manifest(Engine& engine, bool is_clean);
  Result<void> restate_manifests(Engine& engine) const;
  void on_space(wal::SpaceState now, const Error& why) const;
  void on_lost(const wal::LostRange& lost, std::uint64_t wanted);
  void request_checkpoint_if_due();
  void request_checkpoint();
  [[nodiscard]] bool has_drained_segment(const Lease& acknowledged) const;
  [[nodiscard]] bool can_reclaim() const;
  Result<void> check_manifest_room();
  void run_checkpoints();
  [[nodiscard]] std::uint64_t cost_of_put(const EventBatch& batch) const;
  void collect_reading(const Engine& engine, MetricSink& sink) const;
  Result<void> log_batch(const EventBatch& batch, Durability durability);
  void settle_dropped(Engine& engine) const;

  const FileChannelOptions options_;
  io::FileSystem& file_system_;
  const Clock& clock_;
  ChannelCounters counters_;
  Histogram commit_ns_;
  Counter checkpoints_;
  Counter checkpoint_errors_;
  Counter lost_ranges_;

  mutable Gate gate_;               // puts and takes in progress
  std::shared_ptr<Engine> engine_;  // set from start() to stop(); read behind the gate
  checkpoint::RecoveredLog recovered_;
  std::atomic<std::uint64_t> lost_entries_{0};
  std::atomic<bool> are_limits_lifted_{false};
  mutable std::atomic<std::uint64_t> settled_entries_{0};  // of the writer's dropped ones
  std::atomic<std::uint64_t> reclaim_at_{UINT64_MAX};      // sequence that frees the oldest segment
  std::atomic<std::uint64_t> checkpoint_at_bytes_{UINT64_MAX};
  std::atomic<std::uint64_t> checkpoint_at_sealed_{UINT64_MAX};  // segment number

  Mutex checkpoint_mutex_;  // one manifest at a time
  Mutex wake_mutex_;
  CondVar wake_;
  bool is_checkpoint_wanted_ GUARDED_BY(wake_mutex_) = false;
  bool is_stopping_ GUARDED_BY(wake_mutex_) = false;
  std::thread checkpointer_;
};

}  // namespace spillway::channel
