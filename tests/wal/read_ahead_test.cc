// Reading ahead gives the bytes of the file and nothing else, touches nothing behind the end it was
// told, stays within its budget, and is over when it is told to rest.

#include "wal/read_ahead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/new_threads.h"
#include "tests/support/sim_disk.h"

namespace spillway::wal {
namespace {

constexpr const char* kDirectory = "data";
constexpr const char* kPath = "data/file";
constexpr std::uint64_t kChunk = 8 * kKiB;
constexpr std::uint64_t kFile = 40 * kChunk;

class ReadAheadTest : public testing::TestWithParam<Background> {
 protected:
  ReadAheadTest() {
    options_.read_bytes = kChunk;
    options_.block_bytes_max = 4 * kKiB;
    options_.read_ahead_bytes = 4 * kChunk;
    options_.background = GetParam();
    auto opened = disk_.open_directory(kDirectory, io::FileSystem::Missing::kCreate);
    EXPECT_TRUE(opened.has_value());
    directory_ = std::move(opened.value());
    std::vector<std::byte> bytes(kFile);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(i);
    disk_.put(kPath, bytes);
    file_ = open();
  }

  static std::byte byte_at(std::uint64_t offset) {
    return static_cast<std::byte>((offset >> 12U) * 7 + (offset & 0xFFU));
  }
  std::shared_ptr<io::File> open() {
    return std::move(directory_->open("file", io::OpenMode::kRead).value());
  }

  /// Checks the bytes of one chunk and returns how many there are.
  std::uint64_t read(ReadAhead& ahead, std::uint64_t offset, std::uint64_t end) {
    const ReadAhead::Chunk chunk = ahead.read(file_, offset, end);
    EXPECT_TRUE(chunk.size.has_value());
    if (!chunk.size.has_value()) return 0;
    const ByteSpan bytes =
        ByteSpan(chunk.memory->span()).subspan(ahead.front_bytes(), chunk.size.value());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (bytes[i] == byte_at(offset + i)) continue;
      ADD_FAILURE() << "wrong byte at " << offset + i;
      break;
    }
    return bytes.size();
  }

  [[nodiscard]] std::uint64_t read_calls() const {
    std::uint64_t count = 0;
    for (const test::SimCall& call : disk_.calls()) count += call.kind == test::SimCallKind::kRead;
    return count;
  }
  [[nodiscard]] std::uint64_t highest_byte_read() const {
    std::uint64_t highest = 0;
    for (const test::SimCall& call : disk_.calls()) {
      if (call.kind == test::SimCallKind::kRead) {
        highest = std::max(highest, call.offset + call.size_bytes);
      }
    }
    return highest;
  }

  [[nodiscard]] bool is_threaded() const { return GetParam() == Background::kThreads; }

  test::SimDisk disk_;
  LogOptions options_;
  std::unique_ptr<io::Directory> directory_;
  std::shared_ptr<io::File> file_;
};

INSTANTIATE_TEST_SUITE_P(Backgrounds, ReadAheadTest,
                         testing::Values(Background::kThreads, Background::kNone),
                         [](const auto& param) {
                           return param.param == Background::kNone ? "None" : "Threads";
                         });

TEST_P(ReadAheadTest, GivesTheWholeFileInOrder) {
  ReadAhead ahead(options_);
  std::uint64_t at = 0;
  while (at < kFile) {
    const std::uint64_t size = read(ahead, at, kFile);
    ASSERT_EQ(size, kChunk);
    ASSERT_LE(ahead.bytes_ahead(), options_.read_ahead_bytes);
    at += size;
  }
  EXPECT_EQ(read_calls(), kFile / kChunk) << "each byte once";
}

TEST_P(ReadAheadTest, ReadsOnByItselfWithAThreadOnly) {
  ReadAhead ahead(options_);
  EXPECT_EQ(read(ahead, 0, kFile), kChunk);
  const std::uint64_t expected = is_threaded() ? 5 : 1;
  EXPECT_TRUE(test::eventually([&] { return read_calls() == expected; }));
  EXPECT_EQ(ahead.bytes_ahead(), (expected - 1) * kChunk);
}

TEST_P(ReadAheadTest, TouchesNothingBehindTheEnd) {
  ReadAhead ahead(options_);
  EXPECT_EQ(read(ahead, 0, 3 * kChunk - 4096), kChunk);
  EXPECT_EQ(read(ahead, kChunk, 3 * kChunk - 4096), kChunk);
  EXPECT_EQ(read(ahead, 2 * kChunk, 3 * kChunk - 4096), kChunk - 4096);
  ahead.stop();
  EXPECT_EQ(highest_byte_read(), 3 * kChunk - 4096);
}

// A writer is at work behind the end: the last chunk of one call is cut, the next goes on there.
TEST_P(ReadAheadTest, FollowsAnEndThatMoves) {
  ReadAhead ahead(options_);
  std::uint64_t at = 0;
  for (std::uint64_t end = 4096; end <= kFile; end += 3 * 4096) {
    while (at < end) {
      const std::uint64_t size = read(ahead, at, end);
      ASSERT_GT(size, 0U);
      at += size;
      ASSERT_LE(at, end);
    }
    ASSERT_LE(highest_byte_read(), end);
  }
}

TEST_P(ReadAheadTest, ReaderMayJump) {
  ReadAhead ahead(options_);
  for (const std::uint64_t at : {0U, 5U, 6U, 3U, 30U, 31U, 32U, 0U, 1U}) {
    EXPECT_EQ(read(ahead, at * kChunk, kFile), kChunk);
  }
  file_ = open();  // the same offsets of another file
  EXPECT_EQ(read(ahead, 2 * kChunk, kFile), kChunk);
}

TEST_P(ReadAheadTest, EndOfTheFileIsNoError) {
  ReadAhead ahead(options_);
  EXPECT_EQ(read(ahead, kFile - kChunk, kFile + kChunk), kChunk);
  EXPECT_EQ(read(ahead, kFile, kFile + kChunk), 0U);
}

TEST_P(ReadAheadTest, ErrorBelongsToItsChunkAndIsNotRemembered) {
  ReadAhead ahead(options_);
  disk_.fail_reads(kPath, 2 * kChunk, 512);
  EXPECT_EQ(read(ahead, 0, kFile), kChunk);
  EXPECT_EQ(read(ahead, kChunk, kFile), kChunk);
  const auto failed = ahead.read(file_, 2 * kChunk, kFile);
  ASSERT_FALSE(failed.size.has_value());
  EXPECT_EQ(failed.size.error().code, Errc::kIo);
  disk_.clear_faults();
  EXPECT_EQ(read(ahead, 2 * kChunk, kFile), kChunk);
  EXPECT_EQ(read(ahead, 3 * kChunk, kFile), kChunk);
}

TEST_P(ReadAheadTest, ChunksStayValidWhateverComesLater) {
  ReadAhead ahead(options_);
  std::vector<ReadAhead::Chunk> chunks;
  for (std::uint64_t at = 0; at < kFile; at += kChunk) {
    chunks.push_back(ahead.read(file_, at, kFile));
  }
  ahead.stop();
  for (std::size_t i = 0; i < chunks.size(); ++i) {
    const auto bytes = chunks[i].memory->span().subspan(ahead.front_bytes(), kChunk);
    EXPECT_EQ(bytes.front(), byte_at(i * kChunk));
    EXPECT_EQ(bytes.back(), byte_at((i + 1) * kChunk - 1));
  }
}

TEST_P(ReadAheadTest, RestsAndGoesOn) {
  ReadAhead ahead(options_);
  EXPECT_EQ(read(ahead, 0, kFile), kChunk);
  ahead.rest();
  EXPECT_EQ(ahead.bytes_ahead(), 0U);
  EXPECT_EQ(read(ahead, kChunk, kFile), kChunk);
}

TEST_P(ReadAheadTest, HasAThreadOnlyFromTheFirstReadAheadToTheStop) {
  const test::NewThreads threads;
  {
    ReadAhead ahead(options_);
    EXPECT_EQ(threads.count(), 0);
    EXPECT_EQ(read(ahead, 0, kChunk), kChunk);
    EXPECT_EQ(threads.count(), 0) << "there was nothing to be read ahead";
    EXPECT_EQ(read(ahead, 0, kFile), kChunk);
    EXPECT_EQ(threads.count(), is_threaded() ? 1 : 0);
    ahead.stop();
    EXPECT_EQ(threads.settled_count(), 0);
    EXPECT_EQ(read(ahead, kChunk, kFile), kChunk) << "still reads what it is asked for";
    EXPECT_EQ(threads.count(), 0);
  }
  EXPECT_EQ(threads.settled_count(), 0);
}

}  // namespace
}  // namespace spillway::wal
