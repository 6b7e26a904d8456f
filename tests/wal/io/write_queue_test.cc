// What every WriteQueue promises, whatever it is made of: each submitted write is reported exactly
// once, after it is done, and a waiting owner can be woken.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/file_size_limit.h"
#include "tests/wal/io/backends.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/posix_file_system.h"

namespace spillway::io {
namespace {

using testing::UnorderedElementsAreArray;
using Wait = WriteQueue::Wait;

constexpr std::size_t kDepth = 4;

class WriteQueueTest : public testing::TestWithParam<test::BackendCase> {
 protected:
  void SetUp() override {
    auto opened = backend_->files().open_write_queue(kDepth, Durability::kDurable);
    if (!opened.has_value() && opened.error().code == Errc::kUnsupported) {
      GTEST_SKIP() << to_string(opened.error());
    }
    queue_ = std::move(opened.value());
    directory_ = std::move(
        backend_->files().open_directory(backend_->path(), FileSystem::Missing::kCreate).value());
    file_ = std::move(directory_->open("log", OpenMode::kCreate).value());
    for (std::size_t i = 0; i < kDepth; ++i) {
      AlignedBuffer& block = blocks_.emplace_back(2 * kBlockBytes);
      std::fill(block.span().begin(), block.span().end(), static_cast<std::byte>('a' + i));
    }
  }

  // Fills the queue: write `i` goes to its own two blocks of the file.
  std::vector<std::uint64_t> submit_all() {
    std::vector<std::uint64_t> tags;
    for (std::size_t i = 0; i < queue_->depth(); ++i) {
      tags.push_back(100 + i);
      queue_->submit(*file_, i * 2 * kBlockBytes, blocks_[i].span(), tags.back());
    }
    return tags;
  }

  std::vector<WriteDone> reap(std::size_t count) {
    std::vector<WriteDone> done;
    while (done.size() < count) queue_->reap(done, Wait::kForOne);
    return done;
  }

  static std::vector<std::uint64_t> tags_of(const std::vector<WriteDone>& done) {
    std::vector<std::uint64_t> tags;
    for (const WriteDone& one : done) tags.push_back(one.tag);
    return tags;
  }

  std::string contents(std::size_t block) {
    AlignedBuffer read(kBlockBytes);
    if (!file_->read_at(block * kBlockBytes, read.span()).has_value()) return "";
    return std::string(as_text(read.span()));
  }

  std::unique_ptr<test::Backend> backend_ = GetParam().make();
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<File> file_;
  std::vector<AlignedBuffer> blocks_;
  std::unique_ptr<WriteQueue> queue_;  // last: writes in flight need what is above
};

TEST_P(WriteQueueTest, EveryWriteIsReportedOnceAndReadable) {
  const auto tags = submit_all();
  const auto done = reap(tags.size());
  EXPECT_THAT(tags_of(done), UnorderedElementsAreArray(tags));
  for (const WriteDone& one : done) EXPECT_TRUE(one.outcome.has_value());
  for (std::size_t i = 0; i < tags.size(); ++i) {
    EXPECT_EQ(contents(2 * i), std::string(kBlockBytes, static_cast<char>('a' + i)));
    EXPECT_EQ(contents(2 * i + 1), std::string(kBlockBytes, static_cast<char>('a' + i)));
  }
  std::vector<WriteDone> more;
  queue_->reap(more, Wait::kForOne);
  EXPECT_TRUE(more.empty());
}

TEST_P(WriteQueueTest, ReapAppendsBehindWhatIsThere) {
  std::vector<WriteDone> done{{.tag = 7}};
  queue_->submit(*file_, 0, blocks_[0].span(), 8);
  while (done.size() < 2) queue_->reap(done, Wait::kForOne);
  EXPECT_EQ(done[0].tag, 7U);
  EXPECT_EQ(done[1].tag, 8U);
}

TEST_P(WriteQueueTest, NothingInFlightNeverBlocks) {
  std::vector<WriteDone> done;
  queue_->reap(done, Wait::kForOne);
  queue_->reap(done, Wait::kNo);
  EXPECT_TRUE(done.empty());
}

TEST_P(WriteQueueTest, PollingFinishesWithoutEverBlocking) {
  const auto tags = submit_all();
  std::vector<WriteDone> done;
  while (done.size() < tags.size()) queue_->reap(done, Wait::kNo);
  EXPECT_THAT(tags_of(done), UnorderedElementsAreArray(tags));
}

TEST_P(WriteQueueTest, SlotsAreReusedManyTimes) {
  for (std::uint64_t round = 0; round < 50; ++round) {
    const auto tags = submit_all();
    ASSERT_THAT(tags_of(reap(tags.size())), UnorderedElementsAreArray(tags));
  }
}

TEST_P(WriteQueueTest, QueueMadeInOneThreadWorksInAnother) {
  std::vector<WriteDone> done;
  std::thread owner([&] {
    submit_all();
    done = reap(queue_->depth());
  });
  owner.join();
  EXPECT_EQ(done.size(), queue_->depth());
}

TEST_P(WriteQueueTest, InterruptBeforeAReapDoesNotLoseCompletions) {
  const auto tags = submit_all();
  queue_->interrupt();
  queue_->interrupt();
  EXPECT_THAT(tags_of(reap(tags.size())), UnorderedElementsAreArray(tags));
}

TEST_P(WriteQueueTest, InterruptsFromAnotherThreadNeverLoseWrites) {
  std::atomic<bool> is_done = false;
  std::thread other([&] {
    while (!is_done) {
      queue_->interrupt();
      std::this_thread::yield();
    }
  });
  for (int round = 0; round < 50; ++round) {
    const auto tags = submit_all();
    EXPECT_THAT(tags_of(reap(tags.size())), UnorderedElementsAreArray(tags));
  }
  is_done = true;
  other.join();
}

TEST_P(WriteQueueTest, DestructionWaitsForWritesInFlight) {
  const std::size_t count = submit_all().size();
  queue_.reset();
  for (std::size_t i = 0; i < count; ++i) {
    EXPECT_EQ(contents(2 * i), std::string(kBlockBytes, static_cast<char>('a' + i)));
  }
}

// What only a kernel does to a write.
class KernelWriteQueueTest : public WriteQueueTest {};

TEST_P(KernelWriteQueueTest, ShortWriteGoesOnUntilTheKernelSaysWhyNot) {
  const test::FileSizeLimit limit(kBlockBytes);
  queue_->submit(*file_, 0, blocks_[0].span(), 1);
  const Error error = reap(1).front().outcome.error();
  EXPECT_EQ(error.os_error, EFBIG);
  EXPECT_EQ(error.at, kBlockBytes);
  EXPECT_EQ(contents(0), std::string(kBlockBytes, 'a'));
}

TEST_P(KernelWriteQueueTest, FailedWriteIsReportedAndTheQueueGoesOn) {
  const auto read_only = std::move(directory_->open("log", OpenMode::kRead).value());
  queue_->submit(*read_only, 0, blocks_[0].span(), 1);
  EXPECT_EQ(reap(1).front().outcome.error().os_error, EBADF);
  queue_->submit(*file_, 0, blocks_[0].span(), 2);
  EXPECT_TRUE(reap(1).front().outcome.has_value());
}

constexpr std::array kKernelBackends{
    test::BackendCase{"UringOnDisk", test::make_disk_backend},
    test::BackendCase{"UringInMemory", test::make_memory_backend},
};

std::string name_of(const testing::TestParamInfo<test::BackendCase>& instance) {
  return instance.param.name;
}

INSTANTIATE_TEST_SUITE_P(Kernel, WriteQueueTest, testing::ValuesIn(kKernelBackends), name_of);
INSTANTIATE_TEST_SUITE_P(Kernel, KernelWriteQueueTest, testing::ValuesIn(kKernelBackends), name_of);
INSTANTIATE_TEST_SUITE_P(Simulated, WriteQueueTest,
                         testing::Values(test::BackendCase{"SimDisk", test::make_sim_backend}),
                         name_of);

}  // namespace
}  // namespace spillway::io
