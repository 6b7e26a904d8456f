// The memory a channel may plan with is the least of what the machine has and what its control
// groups allow, wherever the limit is set.

#include "channel/memory_limit.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temp_dir.h"

namespace spillway::channel {
namespace {

struct MemoryLimitTest : testing::Test {
  test::TempDir root;

  void write(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((root.path() / name).parent_path());
    root.write(name, text);
  }
  void SetUp() override { write("proc/meminfo", "MemTotal:  1000 kB\nMemFree: 5 kB\n"); }
};

TEST_F(MemoryLimitTest, IsPhysicalMemoryWithoutControlGroups) {
  EXPECT_EQ(memory_limit_bytes(root.path()), 1'024'000U);
}

TEST_F(MemoryLimitTest, MemTotalNeedNotComeFirst) {
  write("proc/meminfo", "HugePages: 3\nMemTotal: 2 kB\n");
  EXPECT_EQ(memory_limit_bytes(root.path()), 2048U);
}

TEST_F(MemoryLimitTest, TakesTheTightestVersion2Parent) {
  write("proc/self/cgroup", "0::/a.slice/b.service\n");
  write("sys/fs/cgroup/a.slice/memory.max", "4096\n");
  write("sys/fs/cgroup/a.slice/b.service/memory.max", "max\n");
  EXPECT_EQ(memory_limit_bytes(root.path()), 4096U);
}

TEST_F(MemoryLimitTest, TakesTheMountInsideAContainer) {
  write("proc/self/cgroup", "0::/../host/path\n");
  write("sys/fs/cgroup/memory.max", "8192\n");
  EXPECT_EQ(memory_limit_bytes(root.path()), 8192U);
}

TEST_F(MemoryLimitTest, ReadsVersion1) {
  write("proc/self/cgroup", "7:cpu,memory:/x\n3:cpuset:/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  write("sys/fs/cgroup/memory/x/memory.limit_in_bytes", "5000\n");
  EXPECT_EQ(memory_limit_bytes(root.path()), 5000U);
}

TEST_F(MemoryLimitTest, LimitAbovePhysicalMemoryDoesNotCount) {
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "999999999999\n");
  EXPECT_EQ(memory_limit_bytes(root.path()), 1'024'000U);
}

TEST_F(MemoryLimitTest, LinesThatNameNoGroupDoNotCount) {
  write("proc/self/cgroup", "\nnonsense\n7:cpu\n0::/\n");
  write("sys/fs/cgroup/memory.max", "8192\n");
  EXPECT_EQ(memory_limit_bytes(root.path()), 8192U);
}

TEST_F(MemoryLimitTest, ControlGroupIsEnoughWhereMemoryIsNotTold) {
  write("proc/meminfo", "MemTotal: unknown\n");
  write("proc/self/cgroup", "0::/\n");
  write("sys/fs/cgroup/memory.max", "8192\n");
  EXPECT_EQ(memory_limit_bytes(root.path()), 8192U);
}

TEST_F(MemoryLimitTest, IsZeroWhenNothingCanBeRead) {
  EXPECT_EQ(memory_limit_bytes(root.path() / "nowhere"), 0U);
}

TEST(MemoryLimitOfThisMachineTest, IsReadable) {
  EXPECT_GT(memory_limit_bytes(), 1U << 20U);
}

}  // namespace
}  // namespace spillway::channel
