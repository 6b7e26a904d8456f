// The storage seam: everything the engine does to a disk goes through these four classes.
//
// Production is posix_* (system calls) and uring_write_queue; tests are ScriptedFile and SimDisk.
// Contract and fault model: docs/durability.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/base/result.h"

namespace spillway::io {

/// Direct I/O needs offset, length and memory aligned to this.
inline constexpr std::size_t kBlockBytes = 4096;

/// Of the lock of a directory; Flume's.
inline constexpr char kLockFileName[] = "in_use.lock";

enum class OpenMode : std::uint8_t {
  kRead,       // must exist; never written
  kReadWrite,  // must exist; reads give what the device holds, not what failed to get there. Where
               // the file system has become read-only, writes fail and reads go on
  kCreate,     // must not exist (kExists otherwise); durable only after Directory::sync()
};

enum class Durability : std::uint8_t {
  kNone,     // survives the process once written, not the machine
  kDurable,  // on stable storage when the call returns (RWF_DSYNC)
};

/// Thread-safe for disjoint ranges. Offsets, lengths and memory are kBlockBytes-aligned, except
/// that read_at of a file opened kRead may be unaligned when the directory is not direct.
class File {
 public:
  File() = default;
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  virtual ~File() = default;

  /// Reads up to bytes.size(); fewer only at the end of the file. Retries EINTR and short reads.
  virtual Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) = 0;

  /// Writes all of `bytes` at `offset` or fails. On failure any part may have been written, and
  /// with kDurable any part may be durable.
  virtual Result<void> write_at(std::uint64_t offset, ByteSpan bytes, Durability durability) = 0;

  /// Blocks until every completed write is on stable storage (fdatasync). After an error no later
  /// success may be believed: the caller must not call it again on this file's old contents.
  virtual Result<void> sync() = 0;

  virtual Result<std::uint64_t> size_bytes() = 0;

  /// Reserves blocks and sets the size to at least `size_bytes` (fallocate); contents read as
  /// zeros. kNoSpace leaves the file as it was or partly grown. The new size survives a power loss
  /// after sync(); before that, a durable write preserves it up to its own end.
  virtual Result<void> allocate(std::uint64_t size_bytes) = 0;

  /// Gives up everything behind `size_bytes`; a file that is not larger stays as it is. After a
  /// failure it may have been cut. The new size survives a power loss after sync(), or once a
  /// later call that grew the file again is durable; before that the old bytes may come back.
  virtual Result<void> truncate(std::uint64_t size_bytes) = 0;

  /// What holds the byte at `offset`, and where in this file that ends: the file itself, unless it
  /// lies in parts.
  struct Part {
    File* file = nullptr;  // nullptr: missing, reads as a hole
    std::uint64_t end_offset = UINT64_MAX;
  };
  [[nodiscard]] virtual Part part_at(std::uint64_t /*offset*/) { return {.file = this}; }

  /// The kernel's descriptor for a ring, or -1 when there is none (simulated files).
  [[nodiscard]] virtual int descriptor() const = 0;
};

/// Holds the exclusive lock until destroyed.
class DirectoryLock {
 public:
  DirectoryLock() = default;
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;
  virtual ~DirectoryLock() = default;
};

struct SpaceInfo {
  std::uint64_t free_bytes = 0;  // available to this process
  std::uint64_t total_bytes = 0;
  bool is_direct = true;          // O_DIRECT works here (not on tmpfs)
  bool is_copy_on_write = false;  // btrfs, ZFS, bcachefs: pre-writing brings nothing
  bool is_memory = false;         // tmpfs, ramfs: likewise, and nothing survives a reboot
};

/// One directory. Names contain no '/'. Thread-safe.
class Directory {
 public:
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  virtual ~Directory() = default;

  virtual Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) = 0;

  /// Names of regular files, sorted.
  virtual Result<std::vector<std::string>> list() = 0;

  /// Durable only after sync().
  virtual Result<void> remove(std::string_view name) = 0;

  /// Makes created and removed names durable (fsync of the directory).
  virtual Result<void> sync() = 0;

  virtual Result<SpaceInfo> space() = 0;

  /// Exclusive lock on the file `in_use.lock`, created if missing; excludes a Java Flume agent too
  /// (whole-file POSIX lock). kLocked when another process, or this one, holds it.
  virtual Result<std::unique_ptr<DirectoryLock>> lock() = 0;

  /// As the operator wrote it; for messages.
  [[nodiscard]] virtual const std::string& path() const = 0;
};

struct WriteDone {
  std::uint64_t tag = 0;
  Result<void> outcome = {};
};

/// Writes, all of the same durability, several in flight; they complete in any order. Owned by one
/// thread; only interrupt() may be called from others.
class WriteQueue {
 public:
  WriteQueue() = default;
  WriteQueue(const WriteQueue&) = delete;
  WriteQueue& operator=(const WriteQueue&) = delete;
  virtual ~WriteQueue() = default;

  /// Writes in flight at most; submit() beyond it is our bug.
  [[nodiscard]] virtual std::size_t depth() const = 0;

  /// Starts one write. `file` and `bytes` must live until its WriteDone. A synchronous
  /// implementation performs it here and reports it at the next reap().
  virtual void submit(File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) = 0;

  enum class Wait : std::uint8_t { kNo, kForOne };

  /// Appends finished writes to `done`. kForOne blocks until at least one has finished or
  /// interrupt() was called since the last reap; it returns at once when nothing is in flight.
  virtual void reap(std::vector<WriteDone>& done, Wait wait) = 0;

  /// Makes a blocked or the next reap(kForOne) return. Thread-safe.
  virtual void interrupt() = 0;
};

/// Where directories and write queues come from; constructed by main or a test.
class FileSystem {
 public:
  FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;
  virtual ~FileSystem() = default;

  enum class Missing : std::uint8_t { kFail, kCreate };

  /// Opens `path`, creating it and its parents when asked.
  virtual Result<std::unique_ptr<Directory>> open_directory(const std::string& path,
                                                            Missing missing) = 0;

  /// kUnsupported: several writes in flight take several threads here.
  virtual Result<std::unique_ptr<WriteQueue>> open_write_queue(std::size_t depth,
                                                               Durability durability) = 0;
};

}  // namespace spillway::io
