// The disk behind the kernel tests: a FUSE file system of one file, the image, which a loop device
// turns into a block device. It notes every write and every flush in the order in which they were
// done, and fails or holds requests on demand.
//
// Speaks the kernel's protocol (linux/fuse.h) itself: one file needs no library.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "tests/kernel/shared_memory.h"

namespace spillway::test {

enum class DiskOp : std::uint32_t { kRead, kWrite, kFlush };

/// In the log, before the bytes of a write.
struct DiskLogEntry {
  DiskOp op = DiskOp::kRead;
  std::uint32_t bytes = 0;
  std::uint64_t offset = 0;
};

constexpr std::uint32_t fault_bit(DiskOp op) {
  return 1U << static_cast<unsigned>(op);
}

/// Set by the test while the disk runs; zeroed memory is a healthy disk that notes nothing.
struct DiskControl {
  std::atomic<bool> is_recording;
  std::atomic<std::uint64_t> op_count;   // entries of the log
  std::atomic<std::uint64_t> log_bytes;  // of them all
  std::atomic<bool> is_log_full;         // the log has a hole then and is of no use

  // Of these operations those fail with EIO that touch [begin, end), from an entry of the log on,
  // so many of them; a flush touches everything. A write that fails leaves its first half behind.
  std::atomic<std::uint32_t> failing_ops;
  std::atomic<std::uint64_t> failing_from;
  std::atomic<std::uint64_t> failing_left;
  std::atomic<std::uint64_t> failing_begin;
  std::atomic<std::uint64_t> failing_end;
  std::atomic<std::uint64_t> failed_count;

  // Everything is kept waiting, for two minutes at most: a test that was killed must not leave
  // processes behind that nobody can end.
  std::atomic<bool> is_stalled;
  std::atomic<std::uint64_t> held_count;  // requests that had to wait
};

struct DiskMemory {
  DiskMemory(std::size_t image_bytes, std::size_t log_bytes_max)
      : image(image_bytes), log(log_bytes_max) {}

  SharedMemory<DiskControl> control;
  SharedMemory<std::byte> image;
  SharedMemory<std::byte> log;
};

/// Answers the kernel until the file system is unmounted. `fuse_fd` is /dev/fuse, mounted with the
/// file itself as root.
void serve_disk(int fuse_fd, const DiskMemory& memory);

}  // namespace spillway::test
