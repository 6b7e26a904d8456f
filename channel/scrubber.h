// Verifies sealed segments that no consumer has come to yet, gently and in the background: damage
// is better known while the source, or a copy of the disk, still has the events.
//
// Skips nothing and repairs nothing; consumers do what they do about damage when they get there.
// Source: the grid scrubber of TigerBeetle.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "wal/base/clock.h"
#include "wal/base/metrics.h"
#include "wal/base/mutex.h"
#include "wal/options.h"
#include "wal/segment_scan.h"
#include "wal/segment_table.h"
#include "wal/slot_pool.h"

namespace spillway::channel {

struct ScrubOptions {
  // A segment is verified when it has been there, unread, for this long, and again each time it
  // has passed; 0: never. Fresh segments are in memory or soon read anyway.
  std::chrono::seconds interval{3600};
  // Read while scrubbing. 8 MiB/s are 0.4 % of a disk that reads 2 GB/s, 4 % of one with 200 MB/s.
  std::uint64_t bytes_per_second = 8 * kMiB;
};

/// What is scrubbed. `slots` and `segments` outlive the scrubber.
struct ScrubbedLog {
  wal::ChannelId id;
  const wal::LogOptions& options;
  wal::SlotPool& slots;
  const wal::SegmentTable& segments;
};

/// step() and what it needs belong to one thread: that of start(), or a test.
class Scrubber {
 public:
  Scrubber(std::string channel, const ScrubOptions& options, const ScrubbedLog& log,
           const Clock& clock);
  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;
  ~Scrubber();

  /// What goes on in the channel.
  struct Traffic {
    wal::Lsn read_lsn;                // consumers have come this far
    std::uint64_t written_bytes = 0;  // to the log, ever
  };

  /// Does one piece of work, if it is time; how long to wait before the next call.
  std::chrono::nanoseconds step(const Traffic& traffic);

  /// Calls step() in a thread of its own until stop(). `traffic` must be thread-safe.
  void start(std::function<Traffic()> traffic);
  void stop();

  Counter scrubbed_bytes;
  Counter damaged_ranges;
  Counter damaged_events;

 private:
  struct Watch {
    std::uint64_t due_ns = 0;
    std::vector<std::uint64_t> reported;  // LSNs of damage that is known
  };

  [[nodiscard]] bool must_wait(const Traffic& traffic, std::uint64_t now_ns);
  void watch(const std::vector<wal::Segment>& segments, wal::Lsn read_lsn, std::uint64_t now_ns);
  bool choose(const std::vector<wal::Segment>& segments, std::uint64_t now_ns,
              std::uint64_t& wait_ns);
  void verify_piece();
  [[nodiscard]] bool is_still_there() const;
  void report(const wal::LostRange& lost, wal::BlockFault fault);
  void run(const std::function<Traffic()>& traffic);

  const std::string channel_;
  const ScrubOptions options_;
  const wal::ChannelId id_;
  wal::LogOptions log_;
  wal::SlotPool& slots_;
  const wal::SegmentTable& segments_;
  const Clock& clock_;

  std::map<wal::SegmentNumber, Watch> watches_;  // sealed and unread
  wal::Segment segment_;                         // under scan_
  std::optional<wal::SegmentScan> scan_;
  std::uint64_t written_bytes_ = 0;                  // at the last step()
  std::optional<std::uint64_t> postponed_since_ns_;  // because of commits

  Mutex mutex_;
  CondVar wake_;
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace spillway::channel
