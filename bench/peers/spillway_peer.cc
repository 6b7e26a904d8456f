// Our file channel with its defaults.
#include <utility>

#include "bench/bench_channel.h"
#include "bench/peers/peer.h"
#include "channel/event_batch.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

class SpillwayPeer final : public Peer {
 public:
  static Result<std::unique_ptr<Peer>> open(const std::string& directory) {
    auto opened = std::make_unique<SpillwayPeer>();
    TRY_ASSIGN(opened->channel_, BenchChannel::open({.directory = directory, .spare_slots = 8},
                                                    opened->file_system_, opened->clock_));
    return std::unique_ptr<Peer>(std::move(opened));
  }

  [[nodiscard]] std::string_view name() const override { return "spillway"; }

  Result<void> put(std::span<const std::string_view> events) override {
    static thread_local channel::EventBatch batch;  // a source keeps its batch, too
    batch.clear();
    for (const std::string_view event : events) batch.add(event);
    return channel_->channel().put(batch);
  }

  Result<void> clear() override { return channel_->drain(); }

 private:
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  std::unique_ptr<BenchChannel> channel_;
};

}  // namespace

Result<std::unique_ptr<Peer>> open_spillway(const std::string& directory) {
  return SpillwayPeer::open(directory);
}

}  // namespace spillway::bench
