// A write is complete when every byte is written, and a kernel that takes less is asked again
// from the last whole block, but not for ever.
#include "wal/io/write_progress.h"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>

#include "wal/io/file.h"

namespace spillway::io {
namespace {

struct WriteProgressTest : testing::Test {
  std::array<std::byte, 4 * kBlockBytes> bytes{};
  WriteProgress progress{8 * kBlockBytes, bytes};
};

TEST_F(WriteProgressTest, AllBytesAtOnceCompleteIt) {
  EXPECT_TRUE(progress.account(4 * kBlockBytes).value());
}

TEST_F(WriteProgressTest, ShortWriteGoesOnWithTheRest) {
  EXPECT_FALSE(progress.account(kBlockBytes).value());
  EXPECT_EQ(progress.offset(), 9 * kBlockBytes);
  EXPECT_EQ(progress.rest().data(), bytes.data() + kBlockBytes);
  EXPECT_EQ(progress.rest().size(), 3 * kBlockBytes);
  EXPECT_TRUE(progress.account(3 * kBlockBytes).value());
}

TEST_F(WriteProgressTest, PartOfABlockIsWrittenAgain) {
  EXPECT_FALSE(progress.account(2 * kBlockBytes + 511).value());
  EXPECT_EQ(progress.offset(), 10 * kBlockBytes);
  EXPECT_EQ(progress.rest().size(), 2 * kBlockBytes);
}

TEST_F(WriteProgressTest, InterruptionsAreRepeatedFromTheSamePlace) {
  for (const int error : {EINTR, EAGAIN}) {
    EXPECT_FALSE(progress.account(-error).value());
    EXPECT_EQ(progress.offset(), 8 * kBlockBytes);
    EXPECT_EQ(progress.rest().size(), 4 * kBlockBytes);
  }
}

TEST_F(WriteProgressTest, ZeroBytesAreAnError) {
  EXPECT_EQ(progress.account(0).error().code, Errc::kIo);
}

TEST_F(WriteProgressTest, ErrorNamesTheOffsetItHappenedAt) {
  EXPECT_FALSE(progress.account(kBlockBytes).value());
  const Error error = progress.account(-ENOSPC).error();
  EXPECT_EQ(error.code, Errc::kNoSpace);
  EXPECT_EQ(error.os_error, ENOSPC);
  EXPECT_EQ(error.at, 9 * kBlockBytes);
  EXPECT_EQ(progress.account(-ECANCELED).error().code, Errc::kIo);
}

TEST_F(WriteProgressTest, GivesUpOnADeviceThatNeverCompletesABlock) {
  int tries = 0;
  Result<bool> answer = false;
  while (answer.has_value() && tries < 10'000) {
    answer = progress.account(tries % 2 == 0 ? 511 : -EAGAIN);
    ++tries;
  }
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().code, Errc::kIo);
}

TEST_F(WriteProgressTest, ProgressForgetsEarlierInterruptions) {
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 90; ++i) ASSERT_FALSE(progress.account(-EAGAIN).value());
    ASSERT_FALSE(progress.account(kBlockBytes).value());
  }
  EXPECT_TRUE(progress.account(kBlockBytes).value());
}

}  // namespace
}  // namespace spillway::io
