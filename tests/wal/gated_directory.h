// A Directory whose writes wait at a gate: for tests of what happens while the device is busy.
#pragma once

#include <cstddef>
#include <cstdint>
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

  void pass() {
    MutexLock lock(mutex_);
    if (!is_closed_) return;
    const std::size_t number = ++arrived_;
    ++waiting_;
    changed_.notify_all();
    while (is_closed_ && released_.count(number) == 0) changed_.wait(lock);
    --waiting_;
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  bool is_closed_ GUARDED_BY(mutex_) = false;
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

}  // namespace spillway::test
