#include "bench/peers/spillway_peer.h"

#include <utility>

#include "channel/event_batch.h"

namespace spillway::bench {

Result<std::unique_ptr<SpillwayPeer>> SpillwayPeer::open(const std::string& directory,
                                                         channel::AckDurability acks) {
  auto opened = std::make_unique<SpillwayPeer>();
  TRY_ASSIGN(opened->channel_,
             BenchChannel::open({.directory = directory, .spare_slots = 8, .ack_durability = acks},
                                opened->file_system_, opened->clock_));
  return opened;
}

Result<void> SpillwayPeer::put(std::span<const std::string_view> events) {
  static thread_local channel::EventBatch batch;  // a source keeps its batch, too
  batch.clear();
  for (const std::string_view event : events) batch.add(event);
  return channel_->channel().put(batch);
}

Result<std::unique_ptr<Peer>> open_spillway(const std::string& directory) {
  TRY_ASSIGN(auto opened, SpillwayPeer::open(directory));
  return std::unique_ptr<Peer>(std::move(opened));
}

}  // namespace spillway::bench
