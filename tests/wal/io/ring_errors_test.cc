// Where a ring cannot be made the answer is kUnsupported, never a failed agent; what interrupts a
// ring or leaves it without kernel memory for a moment costs no write.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/wal/io/failing_calls.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/posix_file_system.h"

namespace spillway::io {
namespace {

class RingErrorsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!files_.open_write_queue(2, Durability::kNone).has_value()) {
      GTEST_SKIP() << "no io_uring here";
    }
    directory_ = std::move(
        files_.open_directory(place_.path().string(), FileSystem::Missing::kFail).value());
    file_ = std::move(directory_->open("file", OpenMode::kCreate).value());
  }
  void TearDown() override { test::let_library_calls_work(); }

  /// Two blocks through the queue; `disturb` is called before each step.
  template <class Disturb>
  void write_through(WriteQueue& queue, Disturb disturb) {
    AlignedBuffer block(kBlockBytes);
    for (std::byte& byte : block.span()) byte = std::byte{0x5A};
    std::vector<WriteDone> done;
    for (std::uint64_t i = 0; i < 2; ++i) {
      disturb();
      queue.submit(*file_, i * kBlockBytes, block.span(), i);
    }
    while (done.size() < 2) {
      disturb();
      queue.reap(done, WriteQueue::Wait::kForOne);
    }
    for (const WriteDone& one : done) EXPECT_TRUE(one.outcome.has_value());
    AlignedBuffer found(2 * kBlockBytes);
    EXPECT_EQ(file_->read_at(0, found.span()).value(), found.size());
    for (const std::byte byte : found.span()) ASSERT_EQ(byte, std::byte{0x5A});
  }

  test::TempDir place_;
  PosixFileSystem files_;
  std::unique_ptr<Directory> directory_;
  std::unique_ptr<File> file_;
};

TEST_F(RingErrorsTest, WhatARingNeedsAndDoesNotGetIsUnsupported) {
  for (const std::string call : {"eventfd", "io_uring_queue_init", "io_uring_get_probe_ring"}) {
    test::fail_library_calls_of(call, EMFILE);
    const auto queue = files_.open_write_queue(2, Durability::kNone);
    test::let_library_calls_work();
    ASSERT_FALSE(queue.has_value()) << call;
    EXPECT_EQ(queue.error().code, Errc::kUnsupported) << call;
  }
}

TEST_F(RingErrorsTest, KernelWithoutTheNewestFlagsHasARingAllTheSame) {
  test::fail_first_library_call_of("io_uring_queue_init", EINVAL);
  const auto queue = files_.open_write_queue(2, Durability::kNone);
  EXPECT_EQ(test::failed_library_call(), "io_uring_queue_init");
  test::let_library_calls_work();
  ASSERT_TRUE(queue.has_value());
  write_through(*queue.value(), [] {});
}

TEST_F(RingErrorsTest, InterruptedAndStarvedCallsCostNoWrite) {
  for (const std::string call : {"io_uring_submit", "io_uring_submit_and_wait"}) {
    for (const int os_error : {EINTR, EAGAIN, EBUSY, ENOMEM}) {
      const auto queue = files_.open_write_queue(2, Durability::kNone);
      ASSERT_TRUE(queue.has_value());
      write_through(*queue.value(), [&] { test::fail_first_library_call_of(call, os_error); });
      test::let_library_calls_work();
    }
  }
}

// The buffers are the caller's: they must not go before the kernel is done with them.
TEST_F(RingErrorsTest, QueueThatIsDestroyedWaitsForItsWrites) {
  const AlignedBuffer block(kBlockBytes);
  auto queue = std::move(files_.open_write_queue(2, Durability::kDurable).value());
  queue->submit(*file_, 0, block.span(), 1);
  test::fail_first_library_call_of("io_uring_submit_and_wait", EINTR);
  queue = nullptr;
  EXPECT_EQ(test::failed_library_call(), "io_uring_submit_and_wait");
  EXPECT_EQ(file_->size_bytes().value(), kBlockBytes);
}

}  // namespace
}  // namespace spillway::io
