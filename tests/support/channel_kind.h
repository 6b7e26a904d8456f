// The channel types that the contract and model tests are run against.
//
// A home is where a channel lives: nothing for the memory channel, a directory or a simulated disk
// for a durable one. Creating a second channel in the same home, after the first is gone, reopens
// it.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "channel/channel.h"
#include "channel/file_channel.h"
#include "channel/memory_channel.h"
#include "tests/support/temp_dir.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {

/// What every channel type can be limited to.
struct ChannelLimits {
  std::uint64_t capacity_events = 100;
  std::uint64_t transaction_capacity_events = 50;
  std::chrono::milliseconds keep_alive{0};
};

class ChannelHome {
 public:
  ChannelHome() = default;
  ChannelHome(const ChannelHome&) = delete;
  ChannelHome& operator=(const ChannelHome&) = delete;
  virtual ~ChannelHome() = default;

  /// A channel that is not started yet.
  virtual std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) = 0;

  /// Do events survive stop() and a new create()?
  [[nodiscard]] virtual bool is_durable() const = 0;

  /// Room for bodies in slots of channel::kMemorySlotBytes.
  [[nodiscard]] virtual std::uint64_t byte_slots_max() const {
    return channel::Capacity::kUnlimited;
  }
};

struct ChannelKind {
  const char* name = "";
  std::unique_ptr<ChannelHome> (*make_home)() = nullptr;

  friend std::ostream& operator<<(std::ostream& out, const ChannelKind& kind) {
    return out << kind.name;
  }
};

class MemoryChannelHome final : public ChannelHome {
 public:
  explicit MemoryChannelHome(std::uint64_t byte_slots_max = channel::Capacity::kUnlimited)
      : byte_slots_max_(byte_slots_max) {}

  std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) override {
    return std::make_unique<channel::MemoryChannel>(channel::MemoryChannelOptions{
        .capacity_events = limits.capacity_events,
        .transaction_capacity_events = limits.transaction_capacity_events,
        .keep_alive = limits.keep_alive,
        .byte_capacity_slots = byte_slots_max_});
  }
  [[nodiscard]] bool is_durable() const override { return false; }
  [[nodiscard]] std::uint64_t byte_slots_max() const override { return byte_slots_max_; }

 private:
  const std::uint64_t byte_slots_max_;
};

/// Small slots, so that a test fills several.
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

class FileChannelHome final : public ChannelHome {
 public:
  std::unique_ptr<channel::Channel> create(const ChannelLimits& limits) override {
    return std::make_unique<channel::FileChannel>(small_file_channel(directory_.path(), limits),
                                                  file_system_, clock_);
  }
  [[nodiscard]] bool is_durable() const override { return true; }

 private:
  TempDir directory_;
  io::PosixFileSystem file_system_;
  SystemClock clock_;
};

/// The last argument of INSTANTIATE_TEST_SUITE_P.
inline std::string kind_name(const testing::TestParamInfo<ChannelKind>& info) {
  return info.param.name;
}

/// Every kind the tests are run against.
inline std::vector<ChannelKind> channel_kinds() {
  return {
      {"memory",
       []() -> std::unique_ptr<ChannelHome> { return std::make_unique<MemoryChannelHome>(); }},
      {"file",
       []() -> std::unique_ptr<ChannelHome> { return std::make_unique<FileChannelHome>(); }},
  };
}

}  // namespace spillway::test
