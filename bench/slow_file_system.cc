#include "bench/slow_file_system.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace spillway::bench {
namespace {

void sleep_until(const Clock& clock, std::uint64_t due_ns) {
  const std::uint64_t now = clock.monotonic_ns();
  if (now < due_ns) std::this_thread::sleep_for(std::chrono::nanoseconds(due_ns - now));
}

class SlowFile final : public io::File {
 public:
  SlowFile(std::unique_ptr<io::File> real, const Clock& clock, std::uint64_t delay_ns)
      : real_(std::move(real)), clock_(clock), delay_ns_(delay_ns) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override {
    return real_->read_at(offset, bytes);
  }
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, io::Durability durability) override {
    const std::uint64_t due = clock_.monotonic_ns() + delay_ns_;
    const auto written = real_->write_at(offset, bytes, durability);
    if (durability == io::Durability::kDurable) sleep_until(clock_, due);
    return written;
  }
  Result<void> sync() override { return real_->sync(); }
  Result<std::uint64_t> size_bytes() override { return real_->size_bytes(); }
  Result<void> allocate(std::uint64_t size_bytes) override { return real_->allocate(size_bytes); }
  Result<void> truncate(std::uint64_t size_bytes) override { return real_->truncate(size_bytes); }
  [[nodiscard]] int descriptor() const override { return real_->descriptor(); }

 private:
  const std::unique_ptr<io::File> real_;
  const Clock& clock_;
  const std::uint64_t delay_ns_;
};

class SlowDirectory final : public io::Directory {
 public:
  SlowDirectory(std::unique_ptr<io::Directory> real, const Clock& clock, std::uint64_t delay_ns)
      : real_(std::move(real)), clock_(clock), delay_ns_(delay_ns) {}

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    TRY_ASSIGN(auto file, real_->open(name, mode));
    return std::unique_ptr<io::File>(
        std::make_unique<SlowFile>(std::move(file), clock_, delay_ns_));
  }
  Result<std::vector<std::string>> list() override { return real_->list(); }
  Result<void> remove(std::string_view name) override { return real_->remove(name); }
  Result<void> sync() override { return real_->sync(); }
  Result<io::SpaceInfo> space() override { return real_->space(); }
  Result<std::unique_ptr<io::DirectoryLock>> lock() override { return real_->lock(); }
  [[nodiscard]] const std::string& path() const override { return real_->path(); }

 private:
  const std::unique_ptr<io::Directory> real_;
  const Clock& clock_;
  const std::uint64_t delay_ns_;
};

// Holds finished writes back until they are due.
class SlowQueue final : public io::WriteQueue {
 public:
  SlowQueue(std::unique_ptr<io::WriteQueue> real, const Clock& clock, std::uint64_t delay_ns)
      : real_(std::move(real)), clock_(clock), delay_ns_(delay_ns) {}

  [[nodiscard]] std::size_t depth() const override { return real_->depth(); }

  void submit(io::File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) override {
    pending_.push_back({.tag = tag, .due_ns = clock_.monotonic_ns() + delay_ns_});
    real_->submit(file, offset, bytes, tag);
  }

  void reap(std::vector<io::WriteDone>& done, Wait wait) override {
    const bool has_held = !held_.empty();
    real_->reap(held_, has_held ? Wait::kNo : wait);
    if (wait == Wait::kForOne && !held_.empty()) {
      std::uint64_t first_due = UINT64_MAX;
      for (const io::WriteDone& one : held_) first_due = std::min(first_due, due_of(one.tag));
      sleep_until(clock_, first_due);
    }
    const std::uint64_t now = clock_.monotonic_ns();
    const auto still_held =
        std::stable_partition(held_.begin(), held_.end(),
                              [&](const io::WriteDone& one) { return due_of(one.tag) > now; });
    for (auto one = still_held; one != held_.end(); ++one) {
      std::erase_if(pending_, [&](const Pending& p) { return p.tag == one->tag; });
      done.push_back(*one);
    }
    held_.erase(still_held, held_.end());
  }

  void interrupt() override { real_->interrupt(); }

 private:
  struct Pending {
    std::uint64_t tag = 0;
    std::uint64_t due_ns = 0;
  };

  [[nodiscard]] std::uint64_t due_of(std::uint64_t tag) const {
    const auto found = std::find_if(pending_.begin(), pending_.end(),
                                    [tag](const Pending& p) { return p.tag == tag; });
    return found == pending_.end() ? 0 : found->due_ns;
  }

  const std::unique_ptr<io::WriteQueue> real_;
  const Clock& clock_;
  const std::uint64_t delay_ns_;
  std::deque<Pending> pending_;
  std::vector<io::WriteDone> held_;  // finished by the real queue, not due yet
};

}  // namespace

Result<std::unique_ptr<io::Directory>> SlowFileSystem::open_directory(const std::string& path,
                                                                      Missing missing) {
  TRY_ASSIGN(auto directory, real_.open_directory(path, missing));
  return std::unique_ptr<io::Directory>(
      std::make_unique<SlowDirectory>(std::move(directory), clock_, delay_ns_));
}

Result<std::unique_ptr<io::WriteQueue>> SlowFileSystem::open_write_queue(
    std::size_t depth, io::Durability durability) {
  TRY_ASSIGN(auto queue, real_.open_write_queue(depth, durability));
  return std::unique_ptr<io::WriteQueue>(
      std::make_unique<SlowQueue>(std::move(queue), clock_, delay_ns_));
}

}  // namespace spillway::bench
