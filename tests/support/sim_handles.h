// The File, Directory and WriteQueue that a SimDisk hands out.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/sim_kernel.h"

namespace spillway::test {

using SimKernelPtr = std::shared_ptr<SimKernel>;

class SimFile final : public io::File {
 public:
  SimFile(SimKernelPtr kernel, SimNodePtr node, io::OpenMode mode)
      : kernel_(std::move(kernel)), node_(std::move(node)), mode_(mode) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override;
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, io::Durability durability) override;
  Result<void> sync() override { return kernel_->sync(node_); }
  Result<std::uint64_t> size_bytes() override { return kernel_->size(node_); }
  Result<void> allocate(std::uint64_t size_bytes) override;
  Result<void> truncate(std::uint64_t size_bytes) override;
  [[nodiscard]] int descriptor() const override { return -1; }

  [[nodiscard]] const SimNodePtr& node() const { return node_; }

 private:
  const SimKernelPtr kernel_;
  const SimNodePtr node_;
  const io::OpenMode mode_;
};

class SimDirectory final : public io::Directory {
 public:
  SimDirectory(SimKernelPtr kernel, std::string key, std::string path)
      : kernel_(std::move(kernel)), key_(std::move(key)), path_(std::move(path)) {}

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override;
  Result<std::vector<std::string>> list() override { return kernel_->list(key_); }
  Result<void> remove(std::string_view name) override { return kernel_->remove(path_of(name)); }
  Result<void> sync() override { return kernel_->sync_directory(key_); }
  Result<io::SpaceInfo> space() override { return kernel_->space(key_); }
  Result<std::unique_ptr<io::DirectoryLock>> lock() override;
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  [[nodiscard]] std::string path_of(std::string_view name) const;

  const SimKernelPtr kernel_;
  const std::string key_;  // without a trailing slash
  const std::string path_;
};

class SimWriteQueue final : public io::WriteQueue {
 public:
  SimWriteQueue(SimKernelPtr kernel, std::size_t depth, io::Durability durability)
      : kernel_(std::move(kernel)), depth_(depth), durability_(durability) {}
  ~SimWriteQueue() override;

  [[nodiscard]] std::size_t depth() const override { return depth_; }
  void submit(io::File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) override;
  void reap(std::vector<io::WriteDone>& done, Wait wait) override;
  void interrupt() override;

 private:
  std::size_t choose_count(Wait wait);
  io::WriteDone finish_one();

  const SimKernelPtr kernel_;
  const std::size_t depth_;
  const io::Durability durability_;

  std::vector<SimQueued> in_flight_;  // the owner's
  bool was_interrupted_ = false;      // guarded by the kernel's mutex
};

}  // namespace spillway::test
