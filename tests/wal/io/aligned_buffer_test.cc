// Memory handed to direct I/O is aligned, zeroed and has exactly one owner.
#include "wal/io/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "wal/io/file.h"

namespace spillway::io {
namespace {

bool is_zero(ByteSpan bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

TEST(AlignedBufferTest, IsBlockAlignedRoundedUpAndZeroed) {
  AlignedBuffer buffer(kBlockBytes + 1);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % kBlockBytes, 0U);
  EXPECT_EQ(buffer.size(), 2 * kBlockBytes);
  EXPECT_EQ(buffer.span().size(), buffer.size());
  EXPECT_TRUE(is_zero(buffer.span()));
}

TEST(AlignedBufferTest, HugePageAdviceKeepsTheContract) {
  AlignedBuffer buffer(2 * kMiB + kBlockBytes, PageAdvice::kHuge);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % (2 * kMiB), 0U);
  EXPECT_EQ(buffer.size(), 2 * kMiB + kBlockBytes);
  EXPECT_TRUE(is_zero(buffer.span()));
}

TEST(AlignedBufferTest, MoveLeavesTheSourceEmpty) {
  AlignedBuffer from(kBlockBytes);
  const std::byte* const memory = from.data();
  AlignedBuffer to(std::move(from));
  EXPECT_EQ(to.data(), memory);
  EXPECT_EQ(from.size(), 0U);  // NOLINT(bugprone-use-after-move): the promise under test
  from = std::move(to);
  EXPECT_EQ(from.data(), memory);
  EXPECT_EQ(to.size(), 0U);  // NOLINT(bugprone-use-after-move): the promise under test
}

TEST(AlignedBufferTest, NoBytesNeedNoMemory) {
  AlignedBuffer buffer(0);
  EXPECT_EQ(buffer.data(), nullptr);
  EXPECT_TRUE(buffer.span().empty());
}

}  // namespace
}  // namespace spillway::io
