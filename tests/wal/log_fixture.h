// A log on a simulated disk, with what a channel puts around it; small slots, so that a test fills
// several.
#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/fake_clock.h"
#include "tests/support/sim_disk.h"
#include "tests/wal/gated_directory.h"
#include "wal/block_payload.h"
#include "wal/log_reader.h"
#include "wal/log_writer.h"

namespace spillway::wal {

inline constexpr const char* kLogPath = "data";

/// The wire form that LogWriter::append() takes.
inline std::vector<std::byte> entries_of(const std::vector<std::string>& entries) {
  std::vector<std::byte> bytes;
  for (const std::string& entry : entries) {
    const std::size_t at = bytes.size();
    bytes.resize(at + wire::field_bytes(entry.size()));
    wire::write_field(bytes.data() + at, 1, as_bytes(entry));
  }
  return bytes;
}

class RecordingListener final : public DurableListener {
 public:
  void on_durable(Sequence sequence) override {
    EXPECT_LT(end_.exchange(sequence.value), sequence.value);
  }
  [[nodiscard]] Sequence end() const { return {end_.load()}; }

 private:
  std::atomic<std::uint64_t> end_{1};
};

/// What a reader has seen of a log.
struct LogContents {
  std::vector<std::string> entries;
  std::vector<std::uint64_t> sequences;  // of the entries
  std::vector<SequenceRange> acks;
  Bookmarks bookmarks;
  std::vector<BlockHeader> blocks;
  std::vector<LostRange> lost;
};

inline void add_block(const Block& block, LogContents& contents) {
  contents.blocks.push_back(block.header);
  if (block.is_locked) return;
  std::uint64_t sequence = block.header.first_sequence;
  PayloadReader records(block.payload);
  while (const auto record = records.next()) {
    if (record->kind == PayloadReader::Record::Kind::kAck) contents.acks.push_back(record->ack);
    if (record->kind == PayloadReader::Record::Kind::kBookmark) {
      contents.bookmarks.set(record->bookmark);
    }
    if (record->kind != PayloadReader::Record::Kind::kPut) continue;
    EntryReader entries(record->entries);
    while (const auto entry = entries.next()) {
      contents.entries.emplace_back(as_text(*entry));
      contents.sequences.push_back(sequence++);
    }
  }
  EXPECT_EQ(sequence, block.header.first_sequence + block.header.entry_count);
}

/// Reads on to `end`.
inline LogContents read_to(LogReader& reader, const LogEnd& end) {
  LogContents contents;
  while (true) {
    const auto step = reader.next(end);
    EXPECT_TRUE(step.has_value());
    if (!step.has_value()) return contents;
    if (step.value().lost) {
      contents.lost.push_back(*step.value().lost);
    } else if (step.value().block) {
      add_block(*step.value().block, contents);
    } else if (!step.value().reclaimed) {
      return contents;
    }
  }
}

/// For tests that must hold whoever keeps several writes in flight.
struct OnWritePath : testing::WithParamInterface<WritePath> {
  static auto all() { return testing::Values(WritePath::kThreads, WritePath::kRing); }
  static std::string name_of(const testing::TestParamInfo<WritePath>& path) {
    return path.param == WritePath::kRing ? "Ring" : "Threads";
  }
};

class LogTest : public testing::Test {
 protected:
  LogTest() {
    options.slot_bytes = 128 * kKiB;
    options.block_bytes_max = 16 * kKiB;
    options.staging_bytes_max = 64 * kKiB;
    options.read_bytes = 32 * kKiB;
    options.spare_slots_min = 1;
    options.background = Background::kNone;
    options.nonce_seed = 5;
  }
  ~LogTest() override {
    gate.open();
    if (writer != nullptr) static_cast<void>(writer->close());
  }

  /// A new log. Tests change `options` before.
  void open() {
    auto opened = disk.open_directory(kLogPath, io::FileSystem::Missing::kCreate);
    ASSERT_TRUE(opened.has_value());
    directory = std::make_unique<test::GatedDirectory>(std::move(opened.value()), gate);
    slots = std::make_unique<SlotPool>(std::vector<io::Directory*>{directory.get()}, options);
    ASSERT_TRUE(slots->open().has_value());
    slots->start({});
    cache = std::make_unique<BlockCache>(options.cache_bytes_max);
    writer = std::make_unique<LogWriter>(LogParts{channel_id, options, *slots, segments, *cache},
                                         listener, clock);
    ASSERT_TRUE(writer->open({}, std::nullopt, {1}).has_value());
    if (options.write_path != WritePath::kRing) return;
    auto queue = disk.open_write_queue(options.write_depth_max, options.block_durability);
    writer->use_queue(std::make_unique<test::GatedQueue>(std::move(queue.value()), gate));
  }

  Result<SequenceRange> put(const std::vector<std::string>& entries) {
    const auto bytes = entries_of(entries);
    TRY_ASSIGN(const auto ticket, writer->append(bytes, entries.size()));
    TRY(writer->wait_durable(ticket));
    return ticket.range();
  }

  /// One durable transaction of `count` entries; remembers them.
  void put_numbered(std::size_t count, std::size_t entry_bytes = 100) {
    std::vector<std::string> entries;
    for (std::size_t i = 0; i < count; ++i) {
      std::string entry = "entry " + std::to_string(expected.size() + i);
      entry.resize(std::max(entry.size(), entry_bytes), '.');
      entries.push_back(std::move(entry));
    }
    const auto range = put(entries);
    ASSERT_TRUE(range.has_value()) << to_string(range.error());
    EXPECT_EQ(range.value().first.value, expected.size() + 1);
    expected.insert(expected.end(), entries.begin(), entries.end());
  }

  [[nodiscard]] LogReader new_reader(BlockCache& from) {
    return {channel_id, options, *slots, segments, from};
  }

  /// The segments leave whose entries lie below `acked_below`.
  std::vector<Segment> remove_drained(Sequence acked_below) {
    return segments.remove_drained(
        {UINT64_MAX}, [&](const SequenceRange& entries) { return entries.end <= acked_below; });
  }

  /// Everything, read back from the disk.
  LogContents stored() {
    BlockCache empty(0);
    LogReader reader(channel_id, options, *slots, segments, empty);
    reader.seek({0}, {1});
    return read_to(reader, writer->durable_end());
  }

  void expect_all_stored() {
    const LogContents contents = stored();
    EXPECT_EQ(contents.entries, expected);
    EXPECT_TRUE(contents.lost.empty());
    for (std::size_t i = 0; i < contents.sequences.size(); ++i) {
      ASSERT_EQ(contents.sequences[i], i + 1);
    }
  }

  /// `path` of the slot file that holds `segment`.
  static std::string slot_path(const Segment& segment) {
    return std::string(kLogPath) + "/" + slot_name(segment.slot);
  }

  test::SimDisk disk;
  test::FakeClock clock;
  test::WriteGate gate;
  LogOptions options;
  const ChannelId channel_id{std::byte{1}, std::byte{2}};
  RecordingListener listener;
  SegmentTable segments;
  std::unique_ptr<io::Directory> directory;
  std::unique_ptr<SlotPool> slots;
  std::unique_ptr<BlockCache> cache;
  std::unique_ptr<LogWriter> writer;
  std::vector<std::string> expected;
};

}  // namespace spillway::wal
