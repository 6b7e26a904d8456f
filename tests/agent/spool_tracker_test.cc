// The tracker is what Flume understands, survives every cut of its end, and never says more than
// was accepted.
#include "agent/sources/spool_tracker.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/file_size_limit.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

struct SpoolTrackerTest : testing::Test {
  [[nodiscard]] std::optional<SpoolPosition> load() const {
    return SpoolTracker(dir.file("meta")).load().value();
  }

  test::TempDir dir;
  SpoolIdentity identity{.path = "/spool/a.log", .inode = 7, .size_bytes = 99, .modified_ns = -5};
};

TEST_F(SpoolTrackerTest, RemembersTheLastPositionOfTheLastFile) {
  EXPECT_FALSE(load());
  SpoolTracker tracker(dir.file("meta"));
  ASSERT_TRUE(tracker.begin({.path = "/spool/before"}, 3).has_value());
  ASSERT_TRUE(tracker.begin(identity, 0).has_value());
  for (std::uint64_t offset : {10U, 20U, 70'000U}) ASSERT_TRUE(tracker.store(offset).has_value());
  const auto position = load();
  ASSERT_TRUE(position);
  EXPECT_EQ(position->path, "/spool/a.log");
  EXPECT_EQ(position->offset_bytes, 70'000U);
  EXPECT_EQ(position->identity, identity);
  ASSERT_TRUE(tracker.clear().has_value());
  EXPECT_FALSE(load());
  EXPECT_TRUE(tracker.clear().has_value());
}

TEST_F(SpoolTrackerTest, StaysSmall) {
  SpoolTracker tracker(dir.file("meta"));
  ASSERT_TRUE(tracker.begin(identity, 0).has_value());
  for (std::uint64_t i = 0; i < 60'000; ++i) ASSERT_TRUE(tracker.store(i).has_value());
  EXPECT_LT(std::filesystem::file_size(dir.file("meta")), 2U << 20U);
  EXPECT_EQ(load()->offset_bytes, 59'999U);
}

TEST_F(SpoolTrackerTest, AnyCutLeavesAnEarlierPosition) {
  SpoolTracker tracker(dir.file("meta"));
  ASSERT_TRUE(tracker.begin(identity, 1).has_value());
  for (std::uint64_t offset : {300U, 100'000U}) ASSERT_TRUE(tracker.store(offset).has_value());
  const std::string bytes = dir.read("meta");
  std::uint64_t last = 0;
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto parsed = parse_spool_position(std::string_view(bytes).substr(0, size));
    if (!parsed.has_value()) {
      EXPECT_EQ(parsed.error().code, Errc::kCorrupt);
      EXPECT_EQ(last, 0U);
      continue;
    }
    EXPECT_GE(parsed.value().offset_bytes, last);
    last = parsed.value().offset_bytes;
  }
  EXPECT_EQ(last, 100'000U);
}

TEST_F(SpoolTrackerTest, AFullDiskHidesNoLaterPosition) {
  SpoolTracker tracker(dir.file("meta"));
  ASSERT_TRUE(tracker.begin(identity, 1).has_value());
  {
    const test::FileSizeLimit limit(std::filesystem::file_size(dir.file("meta")) + 5);
    EXPECT_FALSE(tracker.store(50).has_value());
  }
  ASSERT_TRUE(tracker.store(60).has_value());
  EXPECT_EQ(load()->offset_bytes, 60U);
}

}  // namespace
}  // namespace spillway::agent
