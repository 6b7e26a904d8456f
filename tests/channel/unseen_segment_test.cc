// A start that cannot see the newest segment (its header cannot be read, its file is not there),
// and a later one that can: what was put in between is kept, and no segment number is used twice.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/file_channel_on_disk.h"
#include "wal/segment_header.h"

namespace spillway::test {
namespace {

class UnseenSegmentTest : public testing::Test {
 protected:
  // Paths of the slots, each with the number of its segment; 0 where there is none.
  std::vector<std::pair<std::uint64_t, std::string>> numbered_slots() {
    std::vector<std::pair<std::uint64_t, std::string>> slots;
    for (const std::string& path : home_.slot_paths()) {
      const auto header = wal::decode_segment_header(home_.disk().contents(path));
      slots.emplace_back(header ? header->number : 0, path);
    }
    std::sort(slots.begin(), slots.end());
    return slots;
  }

  // Until one more segment than the manifest knows has begun.
  std::string begin_segment() {
    home_.open();
    home_.put_one_by_one("known", 3);
    home_.checkpoint();
    const std::uint64_t before = numbered_slots().back().first;
    while (numbered_slots().back().first == before) {
      EXPECT_TRUE(home_.put({std::string(30'000, 'x')}));
    }
    home_.put_one_by_one("unseen", 3);
    return numbered_slots().back().second;
  }

  void put_more_and_see_again(const std::function<void()>& bring_back) {
    home_.put_one_by_one("later", 3);
    home_.disk().clear_faults();
    bring_back();
    home_.crash_and_open();
    const EventBodies all = home_.drain();
    for (const char* body : {"known0", "known2", "later0", "later1", "later2"}) {
      EXPECT_EQ(std::count(all.begin(), all.end(), body), 1) << body;
    }
  }

  FileChannelOnDisk home_;
};

TEST_F(UnseenSegmentTest, HeaderThatCanBeReadAgain) {
  const std::string newest = begin_segment();
  home_.disk().fail_reads(newest, 0, wal::kSegmentDataOffset);
  home_.crash_and_open();
  put_more_and_see_again([] {});
}

TEST_F(UnseenSegmentTest, FileThatIsThereAgain) {
  const std::string newest = begin_segment();
  const auto bytes = home_.disk().contents(newest);
  home_.disk().erase(newest);
  home_.crash_and_open();
  put_more_and_see_again([&] {
    home_.disk().put(std::string(FileChannelOnDisk::kDataPath) + "slot-00099.seg", bytes);
  });
}

// Nothing may be made of a device that does not answer, least of all a new channel.
TEST(UnreadableHeadersTest, StartWithoutAManifestFailsAndLosesNothing) {
  FileChannelOnDisk home;
  home.open();
  home.put_one_by_one("kept", 3);
  home.stop();
  home.disk().erase(FileChannelOnDisk::kManifestPath);
  for (const Errc code : {Errc::kClosed, Errc::kIo}) {
    home.disk().fail_when(
        [](const SimCall& call) {
          return call.kind == SimCallKind::kRead && call.path.ends_with(".seg");
        },
        {.code = code, .what = "does not answer"});
    const auto started = home.create()->start();
    ASSERT_FALSE(started.has_value());
    EXPECT_EQ(started.error().code, code);
    home.disk().clear_faults();
  }
  home.open();
  EXPECT_EQ(home.drain().size(), 3U);
}

}  // namespace
}  // namespace spillway::test
