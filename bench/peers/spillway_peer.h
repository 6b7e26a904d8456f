// Our file channel with its defaults, as one of the stores that are compared. Unlike the others it
// can be taken from: bench/peers/take_load.h.
#pragma once

#include <memory>
#include <string>

#include "bench/bench_channel.h"
#include "bench/peers/peer.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {

class SpillwayPeer final : public Peer {
 public:
  static Result<std::unique_ptr<SpillwayPeer>> open(
      const std::string& directory, channel::AckDurability acks = channel::AckDurability::kLazy);

  [[nodiscard]] std::string_view name() const override { return "spillway"; }
  Result<void> put(std::span<const std::string_view> events) override;
  Result<void> clear() override { return channel_->drain(); }

  [[nodiscard]] BenchChannel& channel() { return *channel_; }

 private:
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  std::unique_ptr<BenchChannel> channel_;
};

}  // namespace spillway::bench
