#include "tests/support/sim_handles.h"

#include <cerrno>
#include <mutex>
#include <thread>

#include "wal/base/check.h"

namespace spillway::test {
namespace {

bool is_aligned(std::uint64_t offset, ByteSpan bytes) {
  return offset % io::kBlockBytes == 0 && bytes.size() % io::kBlockBytes == 0 &&
         reinterpret_cast<std::uintptr_t>(bytes.data()) % io::kBlockBytes == 0;
}

class SimDirectoryLock final : public io::DirectoryLock {
 public:
  SimDirectoryLock(SimKernelPtr kernel, std::string directory)
      : kernel_(std::move(kernel)), directory_(std::move(directory)) {}
  ~SimDirectoryLock() override { kernel_->unlock(directory_); }

 private:
  const SimKernelPtr kernel_;
  const std::string directory_;
};

}  // namespace

Result<std::size_t> SimFile::read_at(std::uint64_t offset, MutableByteSpan bytes) {
  if (kernel_->options.is_direct || mode_ != io::OpenMode::kRead) CHECK(is_aligned(offset, bytes));
  return kernel_->read(node_, offset, bytes);
}

Result<void> SimFile::write_at(std::uint64_t offset, ByteSpan bytes, io::Durability durability) {
  CHECK(is_aligned(offset, bytes));
  if (bytes.empty()) return {};
  if (mode_ == io::OpenMode::kRead) {
    return Error{.code = Errc::kIo, .os_error = EBADF, .what = "cannot write"};
  }
  return kernel_->write(node_, offset, bytes, durability);
}

Result<void> SimFile::allocate(std::uint64_t size_bytes) {
  CHECK(size_bytes % io::kBlockBytes == 0);
  CHECK(size_bytes > 0);
  return kernel_->allocate(node_, size_bytes);
}

Result<void> SimFile::truncate(std::uint64_t size_bytes) {
  CHECK(size_bytes % io::kBlockBytes == 0);
  CHECK(mode_ != io::OpenMode::kRead);
  return kernel_->truncate(node_, size_bytes);
}

std::string SimDirectory::path_of(std::string_view name) const {
  CHECK(!name.empty());
  CHECK(name.find('/') == std::string_view::npos);
  return key_ + "/" + std::string(name);
}

Result<std::unique_ptr<io::File>> SimDirectory::open(std::string_view name, io::OpenMode mode) {
  TRY_ASSIGN(SimNodePtr node, kernel_->open(path_of(name), mode));
  return {std::make_unique<SimFile>(kernel_, std::move(node), mode)};
}

Result<std::unique_ptr<io::DirectoryLock>> SimDirectory::lock() {
  TRY(kernel_->lock(key_));
  return {std::make_unique<SimDirectoryLock>(kernel_, key_)};
}

SimWriteQueue::~SimWriteQueue() {
  const std::lock_guard guard(kernel_->mutex);
  while (!in_flight_.empty()) finish_one();
}

void SimWriteQueue::submit(io::File& file, std::uint64_t offset, ByteSpan bytes,
                           std::uint64_t tag) {
  CHECK(in_flight_.size() < depth_);
  CHECK(is_aligned(offset, bytes));
  CHECK(!bytes.empty());
  auto* const sim_file = dynamic_cast<SimFile*>(&file);
  CHECK(sim_file != nullptr);
  in_flight_.push_back(kernel_->submit(sim_file->node(), offset, bytes, durability_));
  in_flight_.back().tag = tag;
}

// How many writes this reap() finishes. The kernel's mutex is held.
std::size_t SimWriteQueue::choose_count(Wait wait) {
  if (kernel_->is_crashed) return in_flight_.size();
  if (kernel_->holds_writes) return 0;
  const bool must_finish = wait == Wait::kForOne && !was_interrupted_;
  if (must_finish) return 1 + kernel_->random() % in_flight_.size();
  return kernel_->random() % (in_flight_.size() + 1);
}

io::WriteDone SimWriteQueue::finish_one() {
  const auto chosen =
      in_flight_.begin() + static_cast<std::ptrdiff_t>(kernel_->random() % in_flight_.size());
  io::WriteDone done{.tag = chosen->tag};
  if (kernel_->is_crashed && !chosen->error) {
    done.outcome = Error{.code = Errc::kClosed, .what = "simulated power loss"};
  } else if (chosen->error) {
    done.outcome = *chosen->error;
  }
  if (!kernel_->is_crashed) {
    kernel_->store.set_in_flight(chosen->op_id, false);
    const bool is_durable = !chosen->error && durability_ == io::Durability::kDurable;
    if (is_durable) kernel_->store.settle(chosen->op_id);
  }
  in_flight_.erase(chosen);
  return done;
}

void SimWriteQueue::reap(std::vector<io::WriteDone>& done, Wait wait) {
  std::unique_lock guard(kernel_->mutex);
  if (in_flight_.empty()) return;
  if (wait == Wait::kForOne) {
    kernel_->wake_queues.wait(guard, [this] {
      return kernel_->is_crashed || !kernel_->holds_writes || was_interrupted_;
    });
  }
  if (kernel_->options.is_slow && wait == Wait::kForOne) {
    for (std::uint64_t turns = kernel_->random() % 16; turns > 0 && !was_interrupted_; --turns) {
      guard.unlock();
      std::this_thread::yield();
      guard.lock();
    }
  }
  for (std::size_t count = choose_count(wait); count > 0; --count) done.push_back(finish_one());
  was_interrupted_ = false;
}

void SimWriteQueue::interrupt() {
  const std::lock_guard guard(kernel_->mutex);
  was_interrupted_ = true;
  kernel_->wake_queues.notify_all();
}

}  // namespace spillway::test
