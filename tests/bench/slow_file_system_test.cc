// A durable write through the slow file system takes at least its delay, whichever way it goes, and
// several in flight are late together; everything else is as fast as it was.
#include "bench/slow_file_system.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/support/temp_dir.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kDelayNs = 20'000'000;

class SlowFileSystemTest : public testing::Test {
 protected:
  void SetUp() override {
    auto directory = slow_.open_directory(dir_.path().string(), io::FileSystem::Missing::kFail);
    ASSERT_TRUE(directory.has_value());
    directory_ = std::move(directory.value());
    auto file = directory_->open("f", io::OpenMode::kCreate);
    ASSERT_TRUE(file.has_value());
    file_ = std::move(file.value());
  }

  test::TempDir dir_;
  SystemClock clock_;
  io::PosixFileSystem real_;
  SlowFileSystem slow_{real_, clock_, kDelayNs};
  io::AlignedBuffer block_{io::kBlockBytes};
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<io::File> file_;
};

TEST_F(SlowFileSystemTest, ADurableWriteTakesAtLeastTheDelay) {
  const std::uint64_t started = clock_.monotonic_ns();
  ASSERT_TRUE(file_->write_at(0, block_.span(), io::Durability::kDurable).has_value());
  EXPECT_GE(clock_.monotonic_ns() - started, kDelayNs);
}

TEST_F(SlowFileSystemTest, AQueuedWriteIsNotReapedBeforeTheDelay) {
  auto queue = slow_.open_write_queue(2, io::Durability::kDurable);
  if (!queue.has_value()) GTEST_SKIP() << "needs io_uring: " << to_string(queue.error());
  const std::uint64_t started = clock_.monotonic_ns();
  queue.value()->submit(*file_, 0, block_.span(), 7);
  std::vector<io::WriteDone> done;
  while (done.empty()) queue.value()->reap(done, io::WriteQueue::Wait::kForOne);
  EXPECT_GE(clock_.monotonic_ns() - started, kDelayNs);
  EXPECT_EQ(done[0].tag, 7U);
  EXPECT_TRUE(done[0].outcome.has_value());
}

TEST_F(SlowFileSystemTest, EveryQueuedWriteIsReapedOnce) {
  auto queue = slow_.open_write_queue(4, io::Durability::kDurable);
  if (!queue.has_value()) GTEST_SKIP() << "needs io_uring: " << to_string(queue.error());
  const std::size_t count = queue.value()->depth();
  for (std::size_t i = 0; i < count; ++i) {
    queue.value()->submit(*file_, i * io::kBlockBytes, block_.span(), i);
  }
  std::vector<io::WriteDone> done;
  while (done.size() < count) queue.value()->reap(done, io::WriteQueue::Wait::kForOne);
  EXPECT_EQ(done.size(), count);
  queue.value()->reap(done, io::WriteQueue::Wait::kNo);
  EXPECT_EQ(done.size(), count);
}

}  // namespace
}  // namespace spillway::bench
