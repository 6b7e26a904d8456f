// File channels for the tests: on a real directory, and on the simulated disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "channel/channel.h"
#include "channel/file_channel.h"
#include "tests/support/channel_home.h"
#include "tests/support/sim_disk.h"
#include "tests/support/temp_dir.h"
#include "wal/base/bytes.h"
#include "wal/base/clock.h"
#include "wal/io/posix_file_system.h"
#include "wal/options.h"

namespace spillway::test {

/// Small slots, so that a test fills several; a small cache, so that some events come back from
/// disk.
inline channel::FileChannelOptions small_file_channel(const std::string& path,
                                                      const ChannelLimits& limits) {
  channel::FileChannelOptions options{.name = "test",
                                      .checkpoint_dir = path + "/checkpoint",
                                      .data_dirs = {path + "/data"},
                                      .capacity_events = limits.capacity_events,
                                      .transaction_capacity = limits.transaction_capacity_events,
                                      .keep_alive = limits.keep_alive};
  options.log.slot_bytes = 1 * kMiB;
  options.log.block_bytes_max = 64 * kKiB;
  options.log.staging_bytes_max = 512 * kKiB;
  options.log.cache_bytes_max = 256 * kKiB;
  options.log.read_bytes = 64 * kKiB;
  return options;
}

/// On the file system of $TMPDIR, with the threads of production.
class FileChannelHome final : public ChannelHome {
 public:
  std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) override {
    return std::make_unique<channel::FileChannel>(
        small_file_channel(directory_.path().string(), limits), file_system_, clock_);
  }
  [[nodiscard]] bool is_durable() const override { return true; }

 private:
  TempDir directory_;
  SystemClock clock_;
  io::PosixFileSystem file_system_;
};

/// On a disk in memory.
class SimFileChannelHome final : public ChannelHome {
 public:
  explicit SimFileChannelHome(wal::Background background) : background_(background) {}

  std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) override {
    channel::FileChannelOptions options = small_file_channel("/c1", limits);
    options.log.background = background_;
    options.log.nonce_seed = ++creations_;
    return std::make_unique<channel::FileChannel>(std::move(options), disk_, clock_);
  }
  [[nodiscard]] bool is_durable() const override { return true; }

 private:
  const wal::Background background_;
  SystemClock clock_;
  SimDisk disk_;
  std::uint64_t creations_ = 0;
};

}  // namespace spillway::test
