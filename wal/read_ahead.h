// Reads the next bytes of a slot file while those before them are verified and parsed.
//
// One thread and plain reads: a 1 MiB direct read keeps the device busy by itself, and a ring with
// eight of them in flight was measured to be no faster. What does matter is memory in huge pages
// that is used again (4.0 against 2.4 GB/s here).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <thread>

#include "wal/base/mutex.h"
#include "wal/base/result.h"
#include "wal/block_memory.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/file.h"
#include "wal/options.h"

namespace spillway::wal {

/// For one sequential reader at a time; it may move to another file or place whenever it wants.
/// Without background threads it reads when asked, nothing ahead.
class ReadAhead {
 public:
  explicit ReadAhead(const LogOptions& options);
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;
  ~ReadAhead();

  /// Bytes of the file, `front_bytes()` into `memory`: the room before is the reader's, for the
  /// end of what it read before.
  struct Chunk {
    std::shared_ptr<io::AlignedBuffer> memory;
    Result<std::size_t> size;  // fewer than asked for only at the end of the file
  };

  /// The next chunk of `file` from `offset`, at most to `end`; what follows it, at most to `end`,
  /// is read in the meantime. Both are block-aligned.
  Chunk read(const std::shared_ptr<io::File>& file, std::uint64_t offset, std::uint64_t end);

  /// Forgets what has been read ahead and frees its memory: the reader needs no file for now.
  void rest();

  /// rest(), and no more reading ahead. Idempotent.
  void stop();

  [[nodiscard]] std::size_t front_bytes() const { return front_bytes_; }
  [[nodiscard]] std::size_t chunk_bytes() const { return chunk_bytes_; }

  /// Read or being read, and not asked for yet.
  [[nodiscard]] std::uint64_t bytes_ahead() const;

 private:
  enum class State : std::uint8_t { kQueued, kReading, kDone };
  struct Request {
    std::shared_ptr<io::File> file = {};
    std::uint64_t offset = 0;
    std::size_t bytes = 0;
    std::shared_ptr<io::AlignedBuffer> memory = {};
    State state = State::kQueued;
    Result<std::size_t> size = std::size_t{0};

    [[nodiscard]] std::uint64_t end() const { return offset + bytes; }
  };

  std::shared_ptr<Request> make_request(const std::shared_ptr<io::File>& file, std::uint64_t offset,
                                        std::uint64_t end) REQUIRES(mutex_);
  void request_more(const Request& last, std::uint64_t end) REQUIRES(mutex_);
  // Works without the lock, which the analysis cannot follow through a parameter.
  void perform(MutexLock& lock, Request& request) NO_THREAD_SAFETY_ANALYSIS;
  void run();

  const std::size_t front_bytes_;
  const std::size_t chunk_bytes_;
  const std::size_t chunks_max_;

  mutable Mutex mutex_;
  CondVar work_;                                                   // the thread waits here
  CondVar done_;                                                   // the reader waits here
  std::shared_ptr<SlabPool> memory_ GUARDED_BY(mutex_);            // nullptr while at rest
  std::deque<std::shared_ptr<Request>> ahead_ GUARDED_BY(mutex_);  // in the order of the file
  bool is_stopping_ GUARDED_BY(mutex_) = false;
  std::thread thread_;  // from the first read ahead to stop()
};

}  // namespace spillway::wal
