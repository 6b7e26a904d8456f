#include "tests/crash/built_store.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "checkpoint/manifest_store.h"
#include "checkpoint/recovery.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "wal/base/check.h"
#include "wal/base/random.h"

namespace spillway::test {
namespace {

using channel::FileChannel;
using channel::TakeTransaction;

class Builder {
 public:
  Builder() { CHECK(channel_->start().has_value()); }

  void put(std::size_t count, std::size_t body_bytes) {
    std::vector<std::string> batch;
    for (std::size_t i = 0; i < count; ++i) {
      std::string body = "event " + std::to_string(bodies_.size() + 1) + " ";
      while (body.size() < body_bytes) body += static_cast<char>('a' + random_.below(26));
      bodies_.push_back(body);
      batch.push_back(std::move(body));
    }
    CHECK(channel_->put(batch_of(batch)).has_value());
  }

  void put_some(std::size_t transaction_count) {
    for (std::size_t i = 0; i < transaction_count; ++i) {
      put(random_.between(1, 3), random_.between(10, 60));
    }
  }

  std::unique_ptr<TakeTransaction> take(std::size_t count) {
    auto taken = channel_->take(count, std::chrono::milliseconds(0));
    CHECK(taken.has_value());
    CHECK(taken.value()->events().size() == count);
    return std::move(taken.value());
  }

  void take_and_commit(std::size_t count) { CHECK(take(count)->commit().has_value()); }
  void drain() { test::drain(*channel_); }
  void checkpoint() { CHECK(channel_->checkpoint().has_value()); }
  void stop() { channel_->stop(); }

  [[nodiscard]] FlatDisk& disk() { return disk_; }
  [[nodiscard]] const std::vector<std::string>& bodies() const { return bodies_; }

 private:
  FlatDisk disk_;
  FakeClock clock_;
  Random random_{11};
  std::vector<std::string> bodies_;
  std::unique_ptr<FileChannel> channel_ =
      std::make_unique<FileChannel>(atlas_options(), disk_, clock_);
};

// The segments of an undamaged directory; the truth then checks every block of them itself.
StoreTruth truth_of(const DiskImage& image) {
  FlatDisk disk(image);
  const auto checkpoint_directory =
      disk.open_directory(kCheckpointPath, io::FileSystem::Missing::kFail);
  const auto data_directory = disk.open_directory(kDataPath, io::FileSystem::Missing::kFail);
  checkpoint::ManifestStore manifests(*checkpoint_directory.value());
  const auto loaded = manifests.load(checkpoint::ManifestStore::Access::kReadOnly);
  CHECK(loaded.has_value());
  wal::SlotPool slots({data_directory.value().get()}, atlas_options().log, io::OpenMode::kRead);
  CHECK(slots.open().has_value());
  const auto recovered =
      checkpoint::recover_log(loaded.value(), slots, atlas_options().log, wal::ChannelId{});
  CHECK(recovered.has_value());
  CHECK(recovered.value().findings.empty());
  return {image, recovered.value().segments, recovered.value().channel_id};
}

// Whether a segment was reclaimed from between others.
bool has_gap(const std::vector<wal::Segment>& segments) {
  return std::adjacent_find(segments.begin(), segments.end(), [](const auto& a, const auto& b) {
           return a.end_lsn < b.first_lsn;
         }) != segments.end();
}

}  // namespace

std::string store_name(StoreKind kind) {
  switch (kind) {
    case StoreKind::kStopped:
      return "Stopped";
    case StoreKind::kCrashed:
      return "Crashed";
    case StoreKind::kQuiet:
      return "Quiet";
  }
  return "Unknown";
}

channel::FileChannelOptions atlas_options() {
  channel::FileChannelOptions options{.name = "atlas",
                                      .checkpoint_dir = kCheckpointPath,
                                      .data_dirs = {kDataPath},
                                      .capacity_events = 10'000,
                                      .transaction_capacity = 1000,
                                      .keep_alive = std::chrono::milliseconds(0)};
  options.checkpoint_bytes = kGiB;  // only where the builder says so, and to reclaim
  options.log.slot_bytes = 32 * kKiB;
  options.log.block_bytes_max = 4 * kKiB;
  options.log.staging_bytes_max = 64 * kKiB;
  options.log.cache_bytes_max = 0;
  options.log.read_bytes = 32 * kKiB;
  options.log.spare_slots_min = 1;
  options.log.spare_slots_max = 4;
  options.log.background = wal::Background::kNone;
  options.log.nonce_seed = 99;
  return options;
}

BuiltStore build_store(StoreKind kind) {
  Builder builder;
  // A first life, so that the slots hold old blocks.
  builder.put_some(50);
  builder.drain();
  builder.put_some(4);
  builder.checkpoint();
  const DiskImage earlier = builder.disk().image;

  builder.put(20, 300);  // over two blocks
  builder.put_some(12);
  auto stuck = builder.take(1);  // keeps its segment while later ones are reclaimed
  auto early = builder.take(5);
  auto late = builder.take(7);
  CHECK(late->commit().has_value());  // acknowledged out of order
  builder.put_some(2);
  builder.checkpoint();
  builder.put_some(10);
  CHECK(early->commit().has_value());
  builder.put(25, 300);
  builder.take_and_commit(48);  // behind the checkpoint, too
  builder.put_some(8);
  builder.take_and_commit(2);
  builder.put_some(3);
  const DiskImage running = builder.disk().image;
  if (kind == StoreKind::kQuiet) builder.take_and_commit(1);
  stuck->rollback();
  builder.stop();
  DiskImage left = builder.disk().image;
  if (kind == StoreKind::kCrashed) left = running;
  // stop() has flushed the acknowledgement in a block of its own; without the manifest it has
  // written, too, this is what a quiet log looks like.
  if (kind == StoreKind::kQuiet) left.file(kManifestPath) = running.file(kManifestPath);
  BuiltStore store{.truth = truth_of(left), .bodies = builder.bodies(), .earlier = earlier};
  CHECK(has_gap(store.truth.segments()));
  return store;
}

}  // namespace spillway::test
