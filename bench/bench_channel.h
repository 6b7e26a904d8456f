// A file channel to be measured, and the loads put on it: producers and consumers for a while.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "channel/file_channel.h"
#include "wal/base/bytes.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::bench {

/// What differs from one measurement to the next; the rest are the channel's defaults.
struct ChannelSetup {
  std::string directory = {};
  std::vector<std::string> data_directories = {};  // none: one below `directory`
  // Ready before a load starts: a long run recycles its slots, and making them is not what is
  // measured. A load that outruns them is slower, so they cover what one load writes.
  std::size_t spare_slots = 4;
  std::uint64_t cache_bytes = wal::LogOptions{}.cache_bytes_max;
  std::uint64_t checkpoint_bytes = 32 * kMiB;
  std::chrono::milliseconds checkpoint_interval{30'000};
  channel::Durability durability = channel::Durability::kCommit;
  channel::AckDurability ack_durability = channel::AckDurability::kLazy;
  wal::WritePath write_path = wal::WritePath::kThreads;
};

struct LoadOptions {
  std::size_t producers = 1;
  std::size_t consumers = 0;
  std::size_t batch_events = 1;
  std::size_t event_bytes = 500;
  std::uint64_t duration_ns = 1'000'000'000;
  std::uint64_t payload_bytes_max = UINT64_MAX;  // ends the load early
};

struct LoadSample {
  double events_per_second = 0;  // committed puts
  double commits_per_second = 0;
  double payload_bytes_per_second = 0;  // event bodies
  double taken_per_second = 0;
  double cpu_us_per_event = 0;
  double write_amplification = 0;  // log bytes / event bodies
  double bytes_per_block = 0;
  std::uint64_t p50_ns = 0;  // of a commit
  std::uint64_t p99_ns = 0;
  std::uint64_t p999_ns = 0;
};

/// Values by metric name, as the channel publishes them; of a histogram, its count.
using MetricValues = std::map<std::string, double>;

/// Starts a channel in a directory of its own. Thread-safe as far as FileChannel is.
class BenchChannel {
 public:
  /// Starts what is in the directory, or a new channel, and waits for the spare slots, and for the
  /// write path to be decided.
  static Result<std::unique_ptr<BenchChannel>> open(const ChannelSetup& setup,
                                                    io::FileSystem& file_system,
                                                    const Clock& clock);
  BenchChannel(const BenchChannel&) = delete;
  BenchChannel& operator=(const BenchChannel&) = delete;
  ~BenchChannel();  // stops the channel, keeps its files

  /// Runs the load for its time, after a short one that is not counted.
  Result<LoadSample> run(const LoadOptions& options);

  /// Commits `events` events, as fast as one producer can.
  Result<void> fill(std::uint64_t events, std::size_t event_bytes);

  /// Takes and acknowledges up to `events_max` events without waiting for more to come; the number
  /// taken.
  Result<std::uint64_t> take(std::uint64_t events_max);

  /// Empties the channel and waits until its slots may be used again.
  Result<void> drain();

  /// Until nothing is made in the background any more that the next load would be measured with.
  Result<void> wait_for_spare_slots();

  [[nodiscard]] channel::FileChannel& channel() { return *channel_; }
  [[nodiscard]] MetricValues metrics() const;

 private:
  BenchChannel(const ChannelSetup& setup, io::FileSystem& file_system, const Clock& clock);

  void wait_for_write_path();

  const ChannelSetup setup_;
  const Clock& clock_;
  std::unique_ptr<channel::FileChannel> channel_;
};

/// The options a channel gets for `setup`.
channel::FileChannelOptions channel_options(const ChannelSetup& setup);

/// Deletes the channel's files. Nothing is open there any more.
void remove_files(const std::string& directory);

}  // namespace spillway::bench
