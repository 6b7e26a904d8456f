// A channel on several disks: what they hold reads back whatever their order, and what is lost of
// one costs that and nothing else, or keeps the channel closed when the whole disk is not there.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "tests/channel/channel_on_sim_disk.h"

namespace spillway::channel {
namespace {

class StripedChannelTest : public ChannelOnSimDisk {
 protected:
  StripedChannelTest() {
    options.data_dirs = {"/c1/a", "/c1/b", "/c1/c"};
    options.log.stripe_bytes = 16 * kKiB;
    options.log.background = wal::Background::kNone;
    options.log.cache_bytes_max = 0;
  }

  void put_many(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(put_next().has_value());
  }

  // The numbers of all events, in the order of delivery.
  std::vector<std::size_t> take_all() {
    std::vector<std::size_t> numbers;
    while (true) {
      auto taken = channel->take(100, std::chrono::milliseconds(0));
      EXPECT_TRUE(taken.has_value());
      if (!taken.has_value() || taken.value()->events().empty()) return numbers;
      for (const std::string& body : test::bodies_of(taken.value()->events())) {
        numbers.push_back(std::stoul(body));
      }
      EXPECT_TRUE(taken.value()->commit().has_value());
    }
  }

  [[nodiscard]] std::vector<std::size_t> all_numbers() const {
    std::vector<std::size_t> numbers(put_count);
    for (std::size_t i = 0; i < put_count; ++i) numbers[i] = i;
    return numbers;
  }

  [[nodiscard]] std::vector<std::string> slot_files(const std::string& directory) {
    auto opened = disk->open_directory(directory, io::FileSystem::Missing::kFail);
    std::vector<std::string> names;
    const auto listed = opened.value()->list();
    for (const std::string& name : listed.value()) {
      if (name.ends_with(".seg")) names.push_back(name);
    }
    return names;
  }
};

TEST_F(StripedChannelTest, EveryDiskHoldsPartsAndTheirOrderDoesNotMatter) {
  open();
  put_many(300);  // several segments
  for (const std::string& path : options.data_dirs) EXPECT_GE(slot_files(path).size(), 3U) << path;
  std::reverse(options.data_dirs.begin(), options.data_dirs.end());
  crash_and_open();
  EXPECT_EQ(take_all(), all_numbers());
}

TEST_F(StripedChannelTest, DiskAddedLaterIsUsedAndWhatWasThereBeforeStillRead) {
  options.data_dirs = {"/c1/a"};
  open();
  put_many(100);
  stop();
  options.data_dirs = {"/c1/a", "/c1/b"};
  open();
  put_many(100);
  EXPECT_FALSE(slot_files("/c1/b").empty());
  crash_and_open();
  EXPECT_EQ(take_all(), all_numbers());
}

TEST_F(StripedChannelTest, DiskThatIsNotThereKeepsTheChannelClosed) {
  open();
  put_many(300);
  stop();
  const auto names = slot_files("/c1/b");
  std::vector<std::vector<std::byte>> contents;
  for (const std::string& name : names) {
    contents.push_back(disk->contents("/c1/b/" + name));
    disk->erase("/c1/b/" + name);
  }
  disk->erase("/c1/b/in_use.lock");
  for (int tries = 0; tries < 3; ++tries) {  // the supervisor tries again
    channel = std::make_unique<FileChannel>(options, *disk, clock);
    EXPECT_EQ(channel->start().error().code, Errc::kNotFound);
    stop();
  }

  for (std::size_t i = 0; i < names.size(); ++i) disk->put("/c1/b/" + names[i], contents[i]);
  open();
  EXPECT_EQ(take_all(), all_numbers());
}

// What one disk cannot read for now is not lost: it is delivered when the disk is back.
TEST_F(StripedChannelTest, DiskThatCannotBeReadForAWhileLosesNothing) {
  open();
  put_many(300);
  std::vector<std::size_t> numbers;
  disk->fail_when(
      [](const test::SimCall& call) {
        return call.kind == test::SimCallKind::kRead && call.path.starts_with("/c1/b/slot-");
      },
      {.code = Errc::kIo, .os_error = EIO, .what = "scripted"});
  const auto take = [&] {
    auto taken = channel->take(10, std::chrono::milliseconds(0));
    if (!taken.has_value()) return false;
    for (const std::string& body : test::bodies_of(taken.value()->events())) {
      numbers.push_back(std::stoul(body));
    }
    EXPECT_TRUE(taken.value()->commit().has_value());
    return true;
  };
  while (numbers.size() < put_count && take()) continue;
  EXPECT_LT(numbers.size(), put_count);
  for (int tries = 0; tries < 5; ++tries) EXPECT_FALSE(take());
  disk->clear_faults();
  while (numbers.size() < put_count && take()) continue;
  EXPECT_EQ(numbers, all_numbers());
}

TEST_F(StripedChannelTest, DirectoryThatIsNotNamedAnyMoreKeepsTheChannelClosed) {
  open();
  put_many(300);
  stop();
  const auto all = options.data_dirs;
  options.data_dirs = {"/c1/a", "/c1/c"};
  channel = std::make_unique<FileChannel>(options, *disk, clock);
  EXPECT_EQ(channel->start().error().code, Errc::kNotFound);
  stop();
  options.data_dirs = all;
  open();
  EXPECT_EQ(take_all(), all_numbers());
}

TEST_F(StripedChannelTest, LostPartCostsItsStripesAndIsReported) {
  open();
  put_many(300);
  stop();
  disk->erase("/c1/b/" + slot_files("/c1/b").front());
  open();
  const std::vector<std::size_t> delivered = take_all();
  EXPECT_TRUE(std::is_sorted(delivered.begin(), delivered.end()));
  EXPECT_EQ(delivered.size() + counter("lost_events_total"), put_count);
  EXPECT_GT(counter("lost_events_total"), 0U);
  EXPECT_GT(delivered.size(), 250U) << "one part of several segments";
}

// Every write to one disk fails: its slots are left alone, and the others take all.
TEST_F(StripedChannelTest, DiskThatCannotBeWrittenAnyMoreIsNoticedByNoProducer) {
  open();
  put_many(100);
  disk->fail_when(
      [](const test::SimCall& call) {
        return call.kind == test::SimCallKind::kWrite && call.path.starts_with("/c1/c/");
      },
      {.code = Errc::kIo, .os_error = EIO, .what = "broken"});
  put_many(300);
  crash_and_open();
  EXPECT_EQ(take_all(), all_numbers());
}

}  // namespace
}  // namespace spillway::channel
