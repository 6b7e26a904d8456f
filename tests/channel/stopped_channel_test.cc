// What a file channel answers to those who have not heard that it was stopped.

#include <gtest/gtest.h>

#include <memory>

#include "tests/support/file_channel_on_disk.h"

namespace spillway::test {
namespace {

TEST(StoppedChannelTest, AnswersThatItIsClosedAndIsEmpty) {
  FileChannelOnDisk home;
  home.open();
  ASSERT_TRUE(home.put({"a"}));
  channel::FileChannel& channel = home.channel();
  channel.stop();
  EXPECT_EQ(channel.flush().error().code, Errc::kClosed);
  EXPECT_EQ(channel.checkpoint().error().code, Errc::kClosed);
  EXPECT_EQ(channel.put_taken(std::make_shared<channel::EventBatch>(batch_of({"b"}))).error().code,
            Errc::kClosed);
  EXPECT_EQ(channel.refused_events(), 0U);
  EXPECT_EQ(channel.size_events(), 0U);
  EXPECT_EQ(channel.residence().bytes, 0U);
  channel.interrupt_takes();
  channel.lift_limits();
  home.open();
  EXPECT_EQ(home.drain(), EventBodies{"a"});
}

}  // namespace
}  // namespace spillway::test
