// An owner blocked in reap() is woken by interrupt() although no write has finished.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/sim_disk.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/owned_fd.h"
#include "wal/io/uring_write_queue.h"

namespace spillway::io {
namespace {

using Wait = WriteQueue::Wait;

// A write to it stays in flight until the test reads: the device we can stop.
class FullPipe final : public File {
 public:
  FullPipe() {
    std::array<int, 2> fds{-1, -1};
    is_open_ = ::pipe2(fds.data(), O_CLOEXEC) == 0;
    read_end_ = OwnedFd(fds[0]);
    write_end_ = OwnedFd(fds[1]);
    ::fcntl(write_end_.get(), F_SETPIPE_SZ, static_cast<int>(kBlockBytes));
    const AlignedBuffer filler(kBlockBytes);
    is_open_ = is_open_ && ::write(write_end_.get(), filler.data(), filler.size()) ==
                               static_cast<ssize_t>(filler.size());
  }

  [[nodiscard]] bool is_open() const { return is_open_; }
  void drain() {
    AlignedBuffer block(kBlockBytes);
    EXPECT_EQ(::read(read_end_.get(), block.data(), block.size()),
              static_cast<ssize_t>(block.size()));
  }

  Result<std::size_t> read_at(std::uint64_t, MutableByteSpan) override { return std::size_t{0}; }
  Result<void> write_at(std::uint64_t, ByteSpan, Durability) override { return {}; }
  Result<void> sync() override { return {}; }
  Result<std::uint64_t> size_bytes() override { return std::uint64_t{0}; }
  Result<void> allocate(std::uint64_t) override { return {}; }
  Result<void> truncate(std::uint64_t) override { return {}; }
  [[nodiscard]] int descriptor() const override { return write_end_.get(); }

 private:
  OwnedFd read_end_;
  OwnedFd write_end_;
  bool is_open_ = false;
};

// The owner blocks; the test interrupts it `rounds` times and then lets the write finish.
template <class Finish>
void expect_wakes(WriteQueue& queue, File& file, int rounds, Finish finish) {
  const AlignedBuffer block(kBlockBytes);
  std::atomic<int> wakes = 0;
  std::vector<WriteDone> done;
  std::thread owner([&] {
    queue.submit(file, 0, block.span(), 1);
    while (done.empty()) {
      queue.reap(done, Wait::kForOne);
      ++wakes;
      wakes.notify_all();
    }
  });
  for (int i = 0; i < rounds; ++i) {
    const int before = wakes;
    queue.interrupt();
    wakes.wait(before);
  }
  finish();
  owner.join();
  ASSERT_EQ(done.size(), 1U);
  EXPECT_TRUE(done.front().outcome.has_value());
  EXPECT_GT(wakes, rounds);
}

TEST(WriteQueueWakeTest, InterruptWakesTheOwnerOfARing) {
  FullPipe pipe;
  ASSERT_TRUE(pipe.is_open());
  auto queue = UringWriteQueue::create(2, Durability::kDurable);
  if (!queue.has_value()) GTEST_SKIP() << to_string(queue.error());
  expect_wakes(*queue.value(), pipe, 20, [&] { pipe.drain(); });
}

TEST(WriteQueueWakeTest, InterruptWakesTheOwnerOfASimulatedQueue) {
  test::SimDisk disk;
  const auto directory = std::move(disk.open_directory("/d", FileSystem::Missing::kCreate).value());
  const auto file = std::move(directory->open("log", OpenMode::kCreate).value());
  const auto queue = std::move(disk.open_write_queue(2, Durability::kDurable).value());
  disk.hold_writes();
  expect_wakes(*queue, *file, 20, [&] { disk.release_writes(); });
}

}  // namespace
}  // namespace spillway::io
