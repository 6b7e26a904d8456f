// Memory of blocks: it comes back, and is there before a commit needs it.
#include "wal/block_memory.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace spillway::wal {
namespace {

constexpr std::size_t kSlabBytes = 2 * kMiB;

std::size_t count_missing_pages(io::AlignedBuffer& slab) {
  const auto page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  std::vector<unsigned char> pages((slab.size() + page_bytes - 1) / page_bytes);
  EXPECT_EQ(::mincore(slab.data(), slab.size(), pages.data()), 0);
  return static_cast<std::size_t>(
      std::count_if(pages.begin(), pages.end(), [](unsigned char page) { return page % 2 == 0; }));
}

TEST(SlabPoolTest, APreparedSlabIsHandedOutWithItsMemory) {
  const auto pool = SlabPool::make(kSlabBytes, 2, io::PageAdvice::kHuge);
  EXPECT_FALSE(pool->has_idle());
  pool->prepare();
  EXPECT_TRUE(pool->has_idle());
  const auto slab = pool->get(1);
  EXPECT_EQ(count_missing_pages(*slab), 0U);
  EXPECT_FALSE(pool->has_idle());
}

TEST(SlabPoolTest, OneIdleSlabIsEnough) {
  const auto pool = SlabPool::make(kSlabBytes, 2);
  pool->prepare();
  pool->prepare();
  const auto first = pool->get(1);
  EXPECT_FALSE(pool->has_idle());
}

TEST(SlabPoolTest, AForgottenSlabIsUsedAgain) {
  const auto pool = SlabPool::make(kSlabBytes, 1);
  auto slab = pool->get(1);
  const std::byte* const memory = slab->data();
  slab.reset();
  EXPECT_EQ(pool->get(1)->data(), memory);
}

TEST(BlockArenaTest, KnowsWhenItHasTakenTheLastSlab) {
  const auto pool = SlabPool::make(kSlabBytes, 2);
  pool->prepare();
  BlockArena arena(pool);
  const auto first = arena.reserve(kBlockAlignBytes);
  EXPECT_TRUE(arena.is_last_slab());
  arena.cut(kBlockAlignBytes);
  EXPECT_FALSE(arena.is_last_slab()) << "it was when the slab was taken";
  pool->prepare();
  const auto second = arena.reserve(kSlabBytes);
  EXPECT_TRUE(arena.is_last_slab());
  pool->prepare();
  EXPECT_FALSE(arena.is_last_slab());
}

}  // namespace
}  // namespace spillway::wal
