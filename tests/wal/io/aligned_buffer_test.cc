// Memory handed to direct I/O is aligned, zeroed and has exactly one owner.
#include "wal/io/aligned_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "wal/base/sanitizer.h"
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

TEST(AlignedBufferTest, EverySizeIsWritableToItsEnd) {
  for (const std::size_t bytes : {4 * kKiB, 255 * kKiB, 256 * kKiB, 1 * kMiB, 3 * kMiB + 5}) {
    for (const PageAdvice advice : {PageAdvice::kNormal, PageAdvice::kHuge}) {
      AlignedBuffer buffer(bytes, advice);
      EXPECT_EQ(buffer.size(), align_up(bytes, kBlockBytes));
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % kBlockBytes, 0U);
      EXPECT_TRUE(is_zero(buffer.span()));
      std::fill(buffer.span().begin(), buffer.span().end(), std::byte{7});
    }
  }
}

TEST(AlignedBufferTest, HugePageAdviceKeepsTheContract) {
  AlignedBuffer buffer(2 * kMiB + kBlockBytes, PageAdvice::kHuge);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % (2 * kMiB), 0U);
  EXPECT_EQ(buffer.size(), 2 * kMiB + kBlockBytes);
  EXPECT_TRUE(is_zero(buffer.span()));
}

double resident_mib() {
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  double kilobytes = 0;
  while (rollup >> word) {
    if (word == "Rss:" && rollup >> kilobytes) return kilobytes / 1024;
  }
  return 0;
}

// Each thread has an arena of the allocator, which would keep what another buffer pins there.
TEST(AlignedBufferTest, FreedMemoryGoesBackWhicheverThreadHadIt) {
  if (kHasAddressSanitizer) GTEST_SKIP() << "AddressSanitizer's allocator keeps memory";
  const double before = resident_mib();
  ASSERT_GT(before, 0);
  std::vector<AlignedBuffer> last_ones;
  for (int round = 0; round < 4; ++round) {
    std::thread([&] {
      std::vector<AlignedBuffer> buffers;
      for (int i = 0; i < 32; ++i) {
        buffers.emplace_back(kMiB);
        std::fill(buffers.back().span().begin(), buffers.back().span().end(), std::byte{1});
      }
      last_ones.push_back(std::move(buffers.back()));
    }).join();
  }
  EXPECT_LT(resident_mib() - before, 32);
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
