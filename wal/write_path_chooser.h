// Decides who keeps a log's writes in flight, as LogOptions::write_path says, and tells the log.
//
// kAuto: the log starts with threads; the slot pool's background thread tries both ways on a spare
// slot in the first quiet moment, so that neither the start nor a commit waits for it.
#pragma once

#include <atomic>
#include <string>

#include "wal/base/clock.h"
#include "wal/io/file.h"
#include "wal/log_writer.h"
#include "wal/options.h"
#include "wal/slot_pool.h"

namespace spillway::wal {

/// What it is given must outlive it; the destructor waits until a trial under way has stopped.
class WritePathChooser {
 public:
  struct Log {
    std::string name;  // for messages
    SlotPool& slots;
    LogWriter& writer;
  };

  WritePathChooser(const Log& log, const LogOptions& options, io::FileSystem& file_system,
                   const Clock& clock);
  WritePathChooser(const WritePathChooser&) = delete;
  WritePathChooser& operator=(const WritePathChooser&) = delete;
  ~WritePathChooser();

  /// After LogWriter::open(). Returns at once; without a queue, threads write.
  void start();

  /// kAuto: not decided yet, and threads write.
  [[nodiscard]] WritePath path() const { return path_.load(); }

 private:
  Result<void> use_ring();
  bool try_both(io::File& file, const SlotPool::GoesOn& goes_on);

  const Log log_;
  const LogOptions options_;
  io::FileSystem& file_system_;
  const Clock& clock_;
  std::atomic<WritePath> path_;
};

}  // namespace spillway::wal
