// A block device of the kernel whose every write and flush is seen (disk_server.h), and file
// systems mounted on it.
//
// Needs root, /dev/fuse and loop devices. All mounts are in a mount namespace of the test process,
// the loop device detaches itself when nobody has it open, and the server dies with the test: what
// a test leaves behind when it is killed goes with its processes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tests/kernel/disk_server.h"
#include "tests/support/temp_dir.h"
#include "wal/io/owned_fd.h"

namespace spillway::test {

/// Which operations of a disk fail with EIO.
struct DiskFault {
  std::uint32_t ops = 0;   // of fault_bit()
  std::uint64_t from = 0;  // entry of the log
  std::uint64_t count = UINT64_MAX;
  std::uint64_t begin = 0;  // bytes of the disk
  std::uint64_t end = UINT64_MAX;
};

/// Kind and size of a file system, small enough for thousands of images.
struct DiskFormat {
  std::string file_system = "ext4";
  std::size_t bytes = std::size_t{32} << 20U;
  std::string mkfs_options = {};
  std::string mount_options = {};
};

/// Of "ext4", "xfs" or "btrfs", each of the smallest size it accepts.
DiskFormat small_format(const std::string& file_system);

/// With the programs of the system in the path. False when it fails.
bool run_shell(const std::string& command);

/// Not thread-safe. Forks: create it while the process has one thread.
class LoopDisk {
 public:
  /// Why this process can have none; empty when it can. To be asked first.
  static std::string why_not(const DiskFormat& format);

  /// Formatted, not mounted, noting nothing. Failures are CHECKed: why_not() has been asked.
  explicit LoopDisk(DiskFormat format, std::size_t log_bytes_max = std::size_t{1} << 30U);
  LoopDisk(const LoopDisk&) = delete;
  LoopDisk& operator=(const LoopDisk&) = delete;
  ~LoopDisk();

  /// 0, or the errno of mount(2). The kernel repairs the file system here if it has to.
  int mount();

  /// Waits for those who still use it. 0, or the errno of umount2(2).
  int unmount();

  /// Where it is mounted, or will be.
  [[nodiscard]] std::string path() const { return directory_.file("disk"); }

  [[nodiscard]] DiskControl& control() const { return *memory_.control; }
  [[nodiscard]] std::span<std::byte> image() const { return memory_.image.all(); }
  [[nodiscard]] std::span<const std::byte> log() const {
    return memory_.log.all().first(memory_.control->log_bytes);
  }
  void clear_log();

  void fail(const DiskFault& fault);
  void heal() { control().failing_ops = 0; }
  /// How many operations have been noted.
  [[nodiscard]] std::uint64_t now() const { return control().op_count; }
  [[nodiscard]] const DiskFormat& format() const { return format_; }

  /// Forgets what the kernel remembers of the image, after it was changed from outside.
  void drop_caches() const;

 private:
  void start_server();
  void attach();
  void make_file_system() const;

  const DiskFormat format_;
  TempDir directory_;
  DiskMemory memory_;
  pid_t server_ = -1;
  io::OwnedFd loop_;
  std::string device_;
  bool is_mounted_ = false;
};

}  // namespace spillway::test
