#include "tests/crash/channel_run.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

#include "tests/support/events.h"
#include "tests/support/look.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/survivors.h"
#include "wal/base/check.h"
#include "wal/key_ring.h"

namespace spillway::test {
namespace {

using channel::FileChannel;
using channel::FileChannelOptions;
using std::chrono::milliseconds;

// Beyond what any workload uses.
constexpr std::size_t kLaterStart = 9;

constexpr std::string_view kBookmark = "run";

std::shared_ptr<const wal::KeyRing> make_keys(std::size_t start) {
  auto ring = std::make_shared<wal::KeyRing>();
  for (std::size_t i = 0; i <= start; ++i) {
    const std::vector<std::byte> secret(wal::kMasterKeyBytesMax, static_cast<std::byte>(i + 1));
    const std::string alias = "k" + std::to_string(i);
    CHECK(ring->add(alias, secret).has_value());
    CHECK(ring->set_active(alias).has_value());
  }
  return ring;
}

// Every start, counted from 0, has one key more and uses it.
FileChannelOptions encrypted_options(std::size_t start, Writing writing = Writing::kPlain) {
  static std::map<std::size_t, std::shared_ptr<const wal::KeyRing>> made;
  auto& keys = made[start];
  if (keys == nullptr) keys = make_keys(start);
  FileChannelOptions options = crash_options(writing);
  options.load_keys = [ring = keys] { return Result<std::shared_ptr<const wal::KeyRing>>(ring); };
  return options;
}

void expect_nothing_lost(const FileChannel& channel) {
  EXPECT_EQ(RecordedMetrics(channel).counters.at("lost_events_total"), 0U);
  for (const checkpoint::Finding& finding : channel.recovered().findings) {
    EXPECT_NE(finding.kind, checkpoint::Finding::Kind::kLost) << finding.row;
  }
}

// Whether a slot file is there only until the power goes.
bool has_doomed_name(SimDisk& disk) {
  for (const std::string& path : crash_options(Writing::kTwoDisks).data_dirs) {
    const auto directory = disk.open_directory(path, io::FileSystem::Missing::kCreate);
    EXPECT_TRUE(directory.has_value() && directory.value()->sync().has_value());
  }
  const auto pending = disk.pending();
  return std::any_of(pending.begin(), pending.end(), [](const PendingOp& op) {
    return op.kind == SimOpKind::kCreate && op.path.ends_with(".seg");
  });
}

}  // namespace

std::string writing_name(Writing writing) {
  switch (writing) {
    case Writing::kPlain:
      return "Plain";
    case Writing::kRing:
      return "Ring";
    case Writing::kTwoDisks:
      return "TwoDisks";
  }
  return "";
}

channel::FileChannelOptions crash_options(Writing writing) {
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
  if (writing == Writing::kRing) {
    options.log.write_path = wal::WritePath::kRing;
    options.log.overlap_bytes_min = 0;
  }
  if (writing == Writing::kTwoDisks) {
    options.data_dirs.emplace_back("data2");
    options.log.stripe_bytes = 8 * kKiB;
    options.log.block_bytes_max = 16 * kKiB;
  }
  return options;
}

bool ChannelRun::start() {
  FileChannelOptions options = encryption_ == Encryption::kRotating
                                   ? encrypted_options(start_count_++, writing_)
                                   : crash_options(writing_);
  options.ack_durability = ack_durability_;
  channel_ = std::make_unique<FileChannel>(std::move(options), *files_, clock_);
  if (channel_->start().has_value()) return true;
  channel_ = nullptr;
  return false;
}

void ChannelRun::stop() {
  if (channel_ == nullptr) return;
  channel_->stop();
  hanging_.clear();
  channel_ = nullptr;
  note_nonces();
}

void ChannelRun::note_nonces() {
  if (encryption_ == Encryption::kRotating) ledger_.note(disk_);
}

void ChannelRun::put(std::size_t count, std::size_t body_bytes) {
  Promise::Batch batch;
  for (std::size_t i = 0; i < count; ++i) {
    std::string body = "put " + std::to_string(put_count_) + "." + std::to_string(i) + " ";
    body.resize(std::max(body.size(), body_bytes), '.');
    batch.bodies.push_back(std::move(body));
  }
  channel::EventBatch events = batch_of(batch.bodies);
  events.set_bookmark({.key = kBookmark, .value = std::to_string(put_count_)});
  ++put_count_;
  batch.is_acknowledged = channel_ != nullptr && channel_->put(events).has_value();
  promise_.batches.push_back(std::move(batch));
  note_nonces();
}

void ChannelRun::take_and_commit(std::size_t count) {
  if (channel_ == nullptr) return;
  auto taken = channel_->take(count, milliseconds(0));
  if (!taken.has_value()) return;
  commit(*taken.value());
}

void ChannelRun::commit(channel::TakeTransaction& taken) {
  const std::vector<std::string> bodies = bodies_of(taken.events());
  promise_.taken.insert(bodies.begin(), bodies.end());
  const bool is_acknowledged = taken.commit().has_value();
  const bool is_settled = ack_durability_ == channel::AckDurability::kStrict && is_acknowledged;
  if (is_settled) promise_.settled.insert(bodies.begin(), bodies.end());
  note_nonces();
}

void ChannelRun::take_and_roll_back(std::size_t count) {
  if (channel_ == nullptr) return;
  auto taken = channel_->take(count, milliseconds(0));
  if (taken.has_value()) taken.value()->rollback();
}

void ChannelRun::take_and_hang(std::size_t count) {
  if (channel_ == nullptr) return;
  auto taken = channel_->take(count, milliseconds(0));
  if (taken.has_value()) hanging_.push_back(std::move(taken.value()));
}

std::unique_ptr<channel::TakeTransaction> ChannelRun::pop_hanging() {
  if (hanging_.empty()) return nullptr;
  auto oldest = std::move(hanging_.front());
  hanging_.pop_front();
  return oldest;
}

void ChannelRun::commit_hanging() {
  const auto taken = pop_hanging();
  if (taken != nullptr) commit(*taken);
}

void ChannelRun::roll_back_hanging() {
  const auto taken = pop_hanging();
  if (taken != nullptr) taken->rollback();
}

std::uint64_t ChannelRun::slot_files() const {
  if (channel_ == nullptr) return 0;
  return static_cast<std::uint64_t>(RecordedMetrics(*channel_).gauges.at("slot_files"));
}

void ChannelRun::checkpoint() {
  if (channel_ == nullptr) return;
  if (channel_->checkpoint().has_value()) promise_.settled = promise_.taken;
  note_nonces();
}

std::vector<std::string> reopened(SimDisk& disk, const FileChannelOptions& options,
                                  wal::Bookmarks* bookmarks) {
  const FakeClock clock;
  FileChannel channel(options, disk, clock);
  const auto started = channel.start();
  EXPECT_TRUE(started.has_value()) << to_string(started.error());
  if (!started.has_value()) return {};
  expect_nothing_lost(channel);
  std::vector<std::string> bodies = look(channel);
  if (bookmarks != nullptr) *bookmarks = channel.recovered().bookmarks;
  channel.stop();
  return bodies;
}

namespace {

// `options_of(n)`: of the n-th start. `note(disk)`: after each.
template <class OptionsOf, class Note>
void expect_kept(SimDisk& disk, const Promise& promise, OptionsOf options_of, Note note) {
  std::vector<std::string> there;
  wal::Bookmarks bookmarks;
  wal::Bookmarks bookmarks_after;
  std::unique_ptr<SimDisk> after;
  const bool is_doomed = has_doomed_name(disk);
  {
    const FakeClock clock;
    FileChannel channel(options_of(0), disk, clock);
    const auto started = channel.start();
    ASSERT_TRUE(started.has_value()) << to_string(started.error());
    expect_nothing_lost(channel);
    there = look(channel);
    EXPECT_EQ(broken_promise(promise, there), "");
    bookmarks = channel.recovered().bookmarks;
    EXPECT_EQ(wrong_bookmark(promise, there, bookmarks.find(kBookmark)), "");
    ASSERT_TRUE(channel.put(batch_of({"one more", "and another"})).has_value());
    note(disk);
    after = disk.crash_image({.name = "none", .fates = {}});
  }
  there.emplace_back("one more");
  there.emplace_back("and another");
  if (is_doomed) return;
  EXPECT_EQ(reopened(*after, options_of(1), &bookmarks_after), there) << "after a second crash";
  EXPECT_EQ(bookmarks_after, bookmarks) << "after a second crash";
  note(*after);
  EXPECT_EQ(reopened(*after, options_of(2), &bookmarks_after), there) << "after a clean stop";
  EXPECT_EQ(bookmarks_after, bookmarks) << "after a clean stop";
  note(*after);
}

}  // namespace

void expect_promise_kept(SimDisk& disk, const Promise& promise, Writing writing) {
  expect_kept(
      disk, promise, [writing](std::size_t /*start*/) { return crash_options(writing); },
      [](const SimDisk& /*disk*/) {});
}

void expect_encrypted_promise_kept(SimDisk& disk, const Promise& promise, NonceLedger ledger) {
  expect_kept(
      disk, promise, [](std::size_t start) { return encrypted_options(kLaterStart + start); },
      [&ledger](const SimDisk& now) { ledger.note(now); });
  EXPECT_EQ(ledger.reused(), "") << "a nonce used twice";
}

}  // namespace spillway::test
