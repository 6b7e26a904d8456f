// A file channel's directory in a known state, to be looked at and damaged.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/temp_dir.h"
#include "wal/block.h"
#include "wal/io/posix_file_system.h"
#include "wal/segment_header.h"
#include "wal/slot_pool.h"

namespace spillway::test {

/// Below path(): checkpoint/ and data/. Without background threads, so that each put is one block
/// and nothing else is written; slots of 1 MiB, numbered from 1.
class StoredChannel {
 public:
  using LoadKeys = decltype(channel::FileChannelOptions::load_keys);

  explicit StoredChannel(bool is_one_directory = false, LoadKeys load_keys = {}) {
    channel::FileChannelOptions options{
        .name = "stored",
        .checkpoint_dir = file("checkpoint"),
        .data_dirs = {is_one_directory ? file("checkpoint") : file("data")},
        .capacity_events = 1'000'000,
        .transaction_capacity = 10'000,
        .keep_alive = std::chrono::milliseconds(0)};
    options.log.slot_bytes = 1 * kMiB;
    options.log.block_bytes_max = 64 * kKiB;
    options.log.staging_bytes_max = 512 * kKiB;
    options.log.background = wal::Background::kNone;
    options.load_keys = std::move(load_keys);
    channel_ = std::make_unique<channel::FileChannel>(std::move(options), file_system_, clock_);
    EXPECT_TRUE(channel_->start().has_value());
  }

  [[nodiscard]] std::string path() const { return dir_.path().string(); }
  [[nodiscard]] std::string file(std::string_view name) const { return dir_.file(name); }
  channel::FileChannel& channel() { return *channel_; }
  FakeClock& clock() { return clock_; }

  /// One transaction: one block.
  void put(const channel::EventBatch& batch) {
    const auto done = channel_->put(batch);
    ASSERT_TRUE(done.has_value()) << to_string(done.error());
  }
  void put(const std::vector<std::string>& bodies) { put(batch_of(bodies)); }

  /// A transaction of one event that brings a bookmark.
  void put_with_bookmark(const std::string& body, const wal::BookmarkView& bookmark) {
    channel::EventBatch batch = batch_of({body});
    batch.set_bookmark(bookmark);
    put(batch);
  }

  /// `count` transactions of one event each, with the bodies e1, e2 …
  void put_numbered(std::uint64_t count) {
    for (std::uint64_t i = 0; i < count; ++i) put({"e" + std::to_string(++numbered_)});
  }

  void take(std::size_t count) { ASSERT_EQ(take_and_commit(*channel_, count).size(), count); }

  /// Ends in order.
  void stop() { channel_->stop(); }

  /// What a crash at this moment leaves behind. Ends the channel.
  void crash() {
    namespace fs = std::filesystem;
    fs::copy(dir_.path(), dir_.file("../" + dir_.path().filename().string() + ".crashed"),
             fs::copy_options::recursive);
    channel_->stop();
    const fs::path copy = dir_.path().string() + ".crashed";
    for (const char* name : {"checkpoint", "data"}) {
      fs::remove_all(dir_.path() / name);
      if (fs::exists(copy / name)) fs::rename(copy / name, dir_.path() / name);
    }
    fs::remove_all(copy);
  }

  // ---- damage, with the channel ended

  static std::string slot(wal::SlotId slot) { return "data/" + wal::slot_name(slot); }

  /// Where a block lies in the first segment, when every block before it has 4 KiB.
  static std::uint64_t block_offset(std::uint64_t index) {
    return wal::kSegmentDataOffset + index * wal::kBlockAlignBytes;
  }

  [[nodiscard]] std::string read(std::string_view name) const { return dir_.read(name); }

  /// `block` with the checksum its bytes ask for.
  [[nodiscard]] std::string with_right_hash(std::string block) const {
    auto* const bytes = reinterpret_cast<std::byte*>(block.data());
    auto header = load_le<wal::BlockHeader>(bytes);
    wal::seal_block({bytes, block.size()}, header,
                    wal::hash_seed(channel_->recovered().channel_id));
    return block;
  }

  void overwrite(std::string_view name, std::uint64_t offset, std::string_view bytes) {
    std::fstream out(file(name), std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(offset));
    out << bytes;
    ASSERT_TRUE(out.flush().good());
  }
  void flip(std::string_view name, std::uint64_t offset) {
    std::fstream in(file(name), std::ios::binary | std::ios::in);
    in.seekg(static_cast<std::streamoff>(offset));
    const char flipped = static_cast<char>(in.get() ^ 1);
    ASSERT_TRUE(in.good());
    overwrite(name, offset, {&flipped, 1});
  }
  void truncate(std::string_view name, std::uint64_t bytes) {
    std::filesystem::resize_file(file(name), bytes);
  }
  void remove(std::string_view name) { ASSERT_TRUE(std::filesystem::remove_all(file(name)) > 0); }

 private:
  TempDir dir_;
  io::PosixFileSystem file_system_;
  FakeClock clock_;
  std::unique_ptr<channel::FileChannel> channel_;
  std::uint64_t numbered_ = 0;
};

}  // namespace spillway::test
