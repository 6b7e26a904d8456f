// A Directory and a WriteQueue whose writes wait at a gate: for tests of what happens while the
// device is busy.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "wal/base/mutex.h"
#include "wal/io/file.h"

namespace spillway::test {

/// Thread-safe. Starts open. A test that closes it must open it before the end. Writes that come to
/// a closed gate are numbered from 1 in the order of their arrival.
class WriteGate {
 public:
  void close() {
    const MutexLock lock(mutex_);
    is_closed_ = true;
    arrived_ = 0;
    released_.clear();
  }
  void open() {
    const MutexLock lock(mutex_);
    is_closed_ = false;
    changed_.notify_all();
  }

  /// Lets one write through, now or when it comes.
  void release(std::size_t number) {
    const MutexLock lock(mutex_);
    released_.insert(number);
    changed_.notify_all();
  }

  /// Blocks until `count` writes wait at the gate.
  void wait_for_writes(std::size_t count) {
    MutexLock lock(mutex_);
    while (waiting_ < count) changed_.wait(lock);
  }

  /// Called before each write, without any lock; set while nobody writes.
  std::function<void()> on_write;

  void pass() {
    if (on_write) on_write();
    MutexLock lock(mutex_);
    const std::size_t number = arrive_locked();
    while (!is_free(number)) changed_.wait(lock);
    if (number > 0) --waiting_;
  }

  /// The two halves of pass(), for a queue. 0: the gate is open.
  std::size_t arrive() {
    if (on_write) on_write();
    const MutexLock lock(mutex_);
    return arrive_locked();
  }
  bool try_leave(std::size_t number) {
    const MutexLock lock(mutex_);
    if (!is_free(number)) return false;
    if (number > 0) --waiting_;
    return true;
  }

  /// Blocks until one of `numbers` may leave or knock() is called.
  void wait_for_one(const std::vector<std::size_t>& numbers) {
    MutexLock lock(mutex_);
    while (!is_knocked_ &&
           std::none_of(numbers.begin(), numbers.end(),
                        [this](std::size_t n) REQUIRES(mutex_) { return is_free(n); })) {
      changed_.wait(lock);
    }
    is_knocked_ = false;
  }
  void knock() {
    const MutexLock lock(mutex_);
    is_knocked_ = true;
    changed_.notify_all();
  }

 private:
  std::size_t arrive_locked() REQUIRES(mutex_) {
    if (!is_closed_) return 0;
    ++waiting_;
    changed_.notify_all();
    return ++arrived_;
  }
  [[nodiscard]] bool is_free(std::size_t number) const REQUIRES(mutex_) {
    return number == 0 || !is_closed_ || released_.count(number) > 0;
  }

  Mutex mutex_;
  CondVar changed_;
  bool is_closed_ GUARDED_BY(mutex_) = false;
  bool is_knocked_ GUARDED_BY(mutex_) = false;
  std::size_t waiting_ GUARDED_BY(mutex_) = 0;
  std::size_t arrived_ GUARDED_BY(mutex_) = 0;
  std::set<std::size_t> released_ GUARDED_BY(mutex_);
};

class GatedFile final : public io::File {
 public:
  GatedFile(std::unique_ptr<io::File> file, WriteGate& gate)
      : file_(std::move(file)), gate_(gate) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override {
    return file_->read_at(offset, bytes);
  }
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, io::Durability durability) override {
    // Slots are pre-written by a thread of their own: the gate is for the log's writes.
    if (durability == io::Durability::kDurable) gate_.pass();
    return file_->write_at(offset, bytes, durability);
  }
  Result<void> sync() override { return file_->sync(); }
  Result<std::uint64_t> size_bytes() override { return file_->size_bytes(); }
  Result<void> allocate(std::uint64_t size_bytes) override { return file_->allocate(size_bytes); }
  Result<void> truncate(std::uint64_t size_bytes) override { return file_->truncate(size_bytes); }
  [[nodiscard]] int descriptor() const override { return file_->descriptor(); }
  [[nodiscard]] io::File& behind_the_gate() { return *file_; }

 private:
  const std::unique_ptr<io::File> file_;
  WriteGate& gate_;
};

class GatedDirectory final : public io::Directory {
 public:
  /// `gate` must outlive the directory and its files.
  GatedDirectory(std::unique_ptr<io::Directory> directory, WriteGate& gate)
      : directory_(std::move(directory)), gate_(gate) {}

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    TRY_ASSIGN(auto file, directory_->open(name, mode));
    return {std::make_unique<GatedFile>(std::move(file), gate_)};
  }
  Result<std::vector<std::string>> list() override { return directory_->list(); }
  Result<void> remove(std::string_view name) override { return directory_->remove(name); }
  Result<void> sync() override { return directory_->sync(); }
  Result<io::SpaceInfo> space() override { return directory_->space(); }
  Result<std::unique_ptr<io::DirectoryLock>> lock() override { return directory_->lock(); }
  [[nodiscard]] const std::string& path() const override { return directory_->path(); }

 private:
  const std::unique_ptr<io::Directory> directory_;
  WriteGate& gate_;
};

/// For files of a GatedDirectory. A write is done when the gate lets it through; on the device it
/// may be before.
class GatedQueue final : public io::WriteQueue {
 public:
  /// `gate` must outlive the queue.
  GatedQueue(std::unique_ptr<io::WriteQueue> queue, WriteGate& gate)
      : queue_(std::move(queue)), gate_(gate) {}

  [[nodiscard]] std::size_t depth() const override { return queue_->depth(); }
  void submit(io::File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) override {
    numbers_[tag] = gate_.arrive();
    queue_->submit(dynamic_cast<GatedFile&>(file).behind_the_gate(), offset, bytes, tag);
  }
  void reap(std::vector<io::WriteDone>& done, Wait wait) override {
    while (held_.size() < numbers_.size()) queue_->reap(held_, Wait::kForOne);
    if (wait == Wait::kForOne && !held_.empty()) {
      std::vector<std::size_t> numbers;
      for (const io::WriteDone& one : held_) numbers.push_back(numbers_.at(one.tag));
      gate_.wait_for_one(numbers);
    }
    std::erase_if(held_, [&](const io::WriteDone& one) {
      if (!gate_.try_leave(numbers_.at(one.tag))) return false;
      numbers_.erase(one.tag);
      done.push_back(one);
      return true;
    });
  }
  void interrupt() override { gate_.knock(); }

 private:
  const std::unique_ptr<io::WriteQueue> queue_;
  WriteGate& gate_;
  std::map<std::uint64_t, std::size_t> numbers_;  // at the gate, by tag
  std::vector<io::WriteDone> held_;               // done by the queue, not by the gate
};

}  // namespace spillway::test
