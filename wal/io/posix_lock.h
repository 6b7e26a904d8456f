// The exclusive lock on a data directory.
//
// A whole-file POSIX record lock on `in_use.lock`: the same lock Flume's FileChannel takes
// (java.nio FileChannel.tryLock), so that neither starts on the other's directory. The kernel
// drops it when the process dies; the file stays.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::io {

/// Locks the directory open as `directory_fd`; `path` is for the log. kLocked at once when this
/// process holds it, and after 250 ms when another one does: the kernel may still be tearing down
/// the io_uring of an agent that was just killed. Thread-safe.
Result<std::unique_ptr<DirectoryLock>> lock_directory(int directory_fd, const std::string& path);

/// The process that holds the lock of the directory `path`, without touching the lock: nullopt when
/// nobody does, 0 for a process that cannot be named from here (another pid namespace).
/// Thread-safe.
Result<std::optional<std::int64_t>> lock_owner(const std::string& path);

}  // namespace spillway::io
