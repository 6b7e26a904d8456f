#include "tests/crash/channel_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/support/events.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/survivors.h"

namespace spillway::test {
namespace {

using channel::FileChannel;
using std::chrono::milliseconds;

// All events in order, left in the channel.
std::vector<std::string> look(FileChannel& channel) {
  std::vector<std::string> bodies;
  std::vector<std::unique_ptr<channel::TakeTransaction>> open;
  while (true) {
    auto taken = channel.take(channel.transaction_capacity(), milliseconds(0));
    if (!taken.has_value()) {
      ADD_FAILURE() << "cannot take: " << to_string(taken.error());
      break;
    }
    if (taken.value()->events().empty()) break;
    for (std::string& body : bodies_of(taken.value()->events())) bodies.push_back(std::move(body));
    open.push_back(std::move(taken.value()));
  }
  EXPECT_EQ(channel.size_events(), bodies.size());
  return bodies;
}

void expect_nothing_lost(const FileChannel& channel) {
  EXPECT_EQ(RecordedMetrics(channel).counters.at("lost_events_total"), 0U);
  for (const checkpoint::Finding& finding : channel.recovered().findings) {
    EXPECT_NE(finding.kind, checkpoint::Finding::Kind::kLost) << finding.row;
  }
}

// Whether a slot file is there only until the power goes.
bool has_doomed_name(SimDisk& disk) {
  const auto directory = disk.open_directory("data", io::FileSystem::Missing::kCreate);
  EXPECT_TRUE(directory.has_value() && directory.value()->sync().has_value());
  const auto pending = disk.pending();
  return std::any_of(pending.begin(), pending.end(), [](const PendingOp& op) {
    return op.kind == SimOpKind::kCreate && op.path.ends_with(".seg");
  });
}

}  // namespace

channel::FileChannelOptions crash_options() {
  channel::FileChannelOptions options{.name = "crash",
                                      .checkpoint_dir = "cp",
                                      .data_dirs = {"data"},
                                      .capacity_events = 1000,
                                      .transaction_capacity = 100,
                                      .keep_alive = milliseconds(0)};
  options.checkpoint_bytes = kGiB;
  options.log.slot_bytes = 32 * kKiB;
  options.log.block_bytes_max = 4 * kKiB;
  options.log.staging_bytes_max = 64 * kKiB;
  options.log.cache_bytes_max = 16 * kKiB;
  options.log.read_bytes = 32 * kKiB;
  options.log.spare_slots_min = 0;
  options.log.spare_slots_max = 1;
  options.log.cut_bytes = 12 * kKiB;
  options.log.background = wal::Background::kNone;
  options.log.nonce_seed = 7;
  return options;
}

bool ChannelRun::start() {
  channel::FileChannelOptions options = crash_options();
  options.ack_durability = ack_durability_;
  channel_ = std::make_unique<FileChannel>(std::move(options), disk_, clock_);
  if (channel_->start().has_value()) return true;
  channel_ = nullptr;
  return false;
}

void ChannelRun::stop() {
  if (channel_ == nullptr) return;
  channel_->stop();
  channel_ = nullptr;
}

void ChannelRun::put(std::size_t count, std::size_t body_bytes) {
  Promise::Batch batch;
  for (std::size_t i = 0; i < count; ++i) {
    std::string body = "put " + std::to_string(put_count_) + "." + std::to_string(i) + " ";
    body.resize(std::max(body.size(), body_bytes), '.');
    batch.bodies.push_back(std::move(body));
  }
  ++put_count_;
  batch.is_acknowledged = channel_ != nullptr && channel_->put(batch_of(batch.bodies)).has_value();
  promise_.batches.push_back(std::move(batch));
}

void ChannelRun::take_and_commit(std::size_t count) {
  if (channel_ == nullptr) return;
  auto taken = channel_->take(count, milliseconds(0));
  if (!taken.has_value()) return;
  const std::vector<std::string> bodies = bodies_of(taken.value()->events());
  promise_.taken.insert(bodies.begin(), bodies.end());
  const bool is_acknowledged = taken.value()->commit().has_value();
  const bool is_settled = ack_durability_ == channel::AckDurability::kStrict && is_acknowledged;
  if (is_settled) promise_.settled.insert(bodies.begin(), bodies.end());
}

void ChannelRun::take_and_roll_back(std::size_t count) {
  if (channel_ == nullptr) return;
  auto taken = channel_->take(count, milliseconds(0));
  if (taken.has_value()) taken.value()->rollback();
}

void ChannelRun::checkpoint() {
  if (channel_ == nullptr) return;
  if (channel_->checkpoint().has_value()) promise_.settled = promise_.taken;
}

std::vector<std::string> reopened(SimDisk& disk) {
  const FakeClock clock;
  FileChannel channel(crash_options(), disk, clock);
  const auto started = channel.start();
  EXPECT_TRUE(started.has_value()) << to_string(started.error());
  if (!started.has_value()) return {};
  expect_nothing_lost(channel);
  std::vector<std::string> bodies = look(channel);
  channel.stop();
  return bodies;
}

void expect_promise_kept(SimDisk& disk, const Promise& promise) {
  std::vector<std::string> there;
  std::unique_ptr<SimDisk> after;
  const bool is_doomed = has_doomed_name(disk);
  {
    const FakeClock clock;
    FileChannel channel(crash_options(), disk, clock);
    const auto started = channel.start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
    expect_nothing_lost(channel);
    there = look(channel);
    EXPECT_EQ(broken_promise(promise, there), "");
    ASSERT_TRUE(channel.put(batch_of({"one more", "and another"})).has_value());
    after = disk.crash_image({.name = "none", .fates = {}});
  }
  there.emplace_back("one more");
  there.emplace_back("and another");
  if (is_doomed) return;
  EXPECT_EQ(reopened(*after), there) << "after a second crash";
  EXPECT_EQ(reopened(*after), there) << "after a clean stop";
}

}  // namespace spillway::test
