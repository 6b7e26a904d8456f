// Group commit without the engine: every commit is in a durable write, and nobody waits for ever.
#include "bench/bare_group.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kFileBytes = 4 * kMiB;

class BareGroupTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = file_system_.open_directory(dir_.path(), kCreate);
    ASSERT_TRUE(opened.has_value());
    directory_ = std::move(opened.value());
    auto file = directory_->open("control", io::OpenMode::kCreate);
    ASSERT_TRUE(file.has_value());
    file_ = std::move(file.value());
    ASSERT_TRUE(file_->allocate(kFileBytes).has_value());
  }

  static constexpr auto kCreate = io::FileSystem::Missing::kCreate;
  test::TempDir dir_;
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  std::unique_ptr<io::Directory> directory_;
  std::unique_ptr<io::File> file_;
};

TEST_F(BareGroupTest, AnyNumberOfThreadsCommitAndEnd) {
  for (const std::size_t threads : {1U, 2U, 16U}) {
    const auto sample = commit_bare_groups(
        *file_, {.threads = threads, .duration_ns = 20'000'000, .file_bytes = kFileBytes}, clock_);
    ASSERT_TRUE(sample.has_value());
    EXPECT_GT(sample.value().commits_per_second, 0) << threads;
    EXPECT_GT(sample.value().cpu_us_per_commit, 0) << threads;
  }
}

TEST_F(BareGroupTest, LargeCommitsOverlapAndEnd) {
  const auto sample = commit_bare_groups(*file_,
                                         {.threads = 8,
                                          .commit_bytes = 100 * kKiB,
                                          .duration_ns = 20'000'000,
                                          .file_bytes = kFileBytes},
                                         clock_);
  ASSERT_TRUE(sample.has_value());
  EXPECT_DOUBLE_EQ(sample.value().bytes_per_second,
                   sample.value().commits_per_second * 100 * static_cast<double>(kKiB));
}

}  // namespace
}  // namespace spillway::bench
