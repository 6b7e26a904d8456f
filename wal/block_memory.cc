#include "wal/block_memory.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::wal {

std::shared_ptr<SlabPool> SlabPool::make(std::size_t slab_bytes, std::size_t kept_max,
                                         io::PageAdvice advice) {
  // The constructor is private so that every pool is shared: slabs refer back to it.
  struct Shared : SlabPool {
    Shared(std::size_t bytes, std::size_t kept, io::PageAdvice pages)
        : SlabPool(bytes, kept, pages) {}
  };
  return std::make_shared<Shared>(slab_bytes, kept_max, advice);
}

SlabPool::SlabPool(std::size_t slab_bytes, std::size_t kept_max, io::PageAdvice advice)
    : slab_bytes_(slab_bytes), kept_max_(kept_max), advice_(advice) {
  CHECK(slab_bytes_ % kBlockAlignBytes == 0);
}

std::shared_ptr<io::AlignedBuffer> SlabPool::get(std::size_t bytes) {
  io::AlignedBuffer slab;
  if (bytes <= slab_bytes_) {
    const MutexLock lock(mutex_);
    if (!kept_.empty()) {
      slab = std::move(kept_.back());
      kept_.pop_back();
    }
  }
  if (slab.size() == 0) slab = io::AlignedBuffer(std::max(bytes, slab_bytes_), advice_);

  struct Lease {
    std::shared_ptr<SlabPool> pool;
    io::AlignedBuffer slab;
    Lease(std::shared_ptr<SlabPool> p, io::AlignedBuffer s)
        : pool(std::move(p)), slab(std::move(s)) {}
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() { pool->give_back(std::move(slab)); }
  };
  auto lease = std::make_shared<Lease>(shared_from_this(), std::move(slab));
  return {lease, &lease->slab};
}

void SlabPool::prepare() {
  if (has_idle()) return;
  io::AlignedBuffer slab(slab_bytes_, advice_);
  for (std::size_t at = 0; at < slab.size(); at += io::kBlockBytes) slab.data()[at] = std::byte{0};
  give_back(std::move(slab));
}

bool SlabPool::has_idle() const {
  const MutexLock lock(mutex_);
  return !kept_.empty();
}

void SlabPool::give_back(io::AlignedBuffer slab) {
  if (slab.size() != slab_bytes_) return;
  const MutexLock lock(mutex_);
  if (kept_.size() < kept_max_) kept_.push_back(std::move(slab));
}

BlockArena::Piece BlockArena::reserve(std::size_t bytes_min) {
  if (slab_ == nullptr || slab_->size() - used_bytes_ < bytes_min) {
    slab_ = pool_->get(align_up(bytes_min, kBlockAlignBytes));
    used_bytes_ = 0;
  }
  return {.bytes = slab_->span().subspan(used_bytes_), .memory = slab_};
}

void BlockArena::cut(std::size_t bytes) {
  CHECK(slab_ != nullptr);
  CHECK(bytes % kBlockAlignBytes == 0);
  used_bytes_ += bytes;
  CHECK(used_bytes_ <= slab_->size());
}

}  // namespace spillway::wal
