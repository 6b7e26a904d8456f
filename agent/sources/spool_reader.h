// SpoolReader: takes events from one spooled file after the other, and finishes files.
//
// collect() fills a batch from one file; accept() remembers that the channels have it and, at the
// end of the file, renames, deletes or marks it. A file that goes wrong is set aside for good, one
// that cannot be read right now for a minute, and the next one has its turn. Waiting and offering
// a batch again are the source's business.
// Source: Flume 1.11, ReliableSpoolingFileEventReader, which stops for good instead.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/sources/deserializer.h"
#include "agent/sources/set_aside_files.h"
#include "agent/sources/spool_bookmark.h"
#include "agent/sources/spool_directory.h"
#include "agent/sources/spool_tracker.h"
#include "channel/event_batch.h"
#include "wal/base/clock.h"
#include "wal/base/metrics.h"
#include "wal/base/result.h"

namespace spillway::agent {

struct SpoolReaderOptions {
  std::string source_name;
  SpoolDirectoryOptions directory;
  DeserializerOptions deserializer;
  bool deletes_finished = false;  // rather than renaming or marking it
  std::string file_key;           // header with the path; empty: none
  std::string basename_key;       // header with the name; empty: none
};

/// One thread, except the counts.
class SpoolReader {
 public:
  SpoolReader(SpoolReaderOptions options, SpoolDirectory directory, const Clock& clock);

  /// Checks the directories, makes the tracker's, and reads what an earlier run left.
  Result<void> start();

  /// The channel keeps bookmarks: from now on the tracker names a file before its first event is
  /// given. `last` is the one of an earlier run. Behind start().
  void keep_bookmarks(const std::optional<std::string>& last);

  /// Adds up to `events_max` events of one file to `batch`; none when no file has any.
  Result<void> collect(channel::EventBatch& batch, std::size_t events_max);

  /// Of the put of what collect() gave; nullopt unless they are kept.
  [[nodiscard]] std::optional<std::string> bookmark() const;

  /// What collect() gave is in the channels, or given up; comes before the next collect().
  void accept();

  /// The file in hand; empty when there is none.
  [[nodiscard]] const std::string& path() const { return path_; }

  /// Thread-safe.
  void collect_metrics(MetricSink& sink) const;

 private:
  struct Postponed {
    std::uint64_t inode = 0;
    std::uint64_t until_ns = 0;
    std::uint64_t offset_bytes = 0;
  };

  Result<bool> open_next();
  Result<bool> open_left_over();
  Result<bool> open(const std::string& path, std::uint64_t offset);
  Result<void> read_events(channel::EventBatch& batch, std::size_t events_max);
  void add_event(const Deserializer::Event& event, channel::EventBatch& batch);

  void pass_what_is_put(const SpoolBookmark& bookmark);
  [[nodiscard]] SpoolIdentity identity() const;
  void store_position();
  void finish();
  [[nodiscard]] Result<void> retire() const;
  [[nodiscard]] Result<void> mark() const;
  void set_aside(const Error& error);
  void postpone(const std::string& path, std::uint64_t inode, const Error& error);
  void close();

  const SpoolReaderOptions options_;
  const Clock& clock_;
  SpoolDirectory directory_;
  SpoolTracker tracker_;
  SetAsideFiles aside_;
  std::map<std::string, Postponed> postponed_;
  std::optional<SpoolPosition> left_over_;  // of an earlier run, until it is gone on with
  std::optional<SpoolBookmark> bookmark_;   // likewise
  bool keeps_bookmarks_ = false;

  // The file in hand.
  std::string path_;
  struct stat opened_ = {};
  std::optional<SpoolInput> input_;
  std::unique_ptr<Deserializer> deserializer_;
  std::uint64_t accepted_bytes_ = 0;
  std::uint64_t cuts_seen_ = 0;
  bool is_at_end_ = false;
  bool is_tracked_ = false;       // the tracker file names it
  std::optional<Error> failure_;  // what stops reading behind the events in hand

  std::vector<channel::HeaderView> headers_;  // scratch
  std::string header_path_;                   // scratch

  std::atomic<std::uint64_t> waiting_count_{0};
  std::atomic<std::uint64_t> aside_count_{0};
  Counter finished_;
  Counter set_aside_;
  Counter cut_events_;
  Counter read_failures_;
  Counter tracker_failures_;
};

}  // namespace spillway::agent
