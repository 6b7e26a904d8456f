#include "tests/kernel/killing_file_system.h"

#include <signal.h>
#include <unistd.h>

#include <utility>
#include <vector>

#include "checkpoint/manifest_store.h"
#include "wal/base/check.h"
#include "wal/segment_header.h"

namespace spillway::test {
namespace {

class KillingFile final : public io::File {
 public:
  KillingFile(std::unique_ptr<io::File> real, bool is_manifest, KillSwitch& kill)
      : real_(std::move(real)), is_manifest_(is_manifest), kill_(kill) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override {
    return real_->read_at(offset, bytes);
  }
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, io::Durability durability) override {
    const KillPoint point = is_manifest_                       ? KillPoint::kManifest
                            : offset < wal::kSegmentDataOffset ? KillPoint::kSegmentHeader
                                                               : KillPoint::kBlock;
    return kill_.pass(point, [&] { return real_->write_at(offset, bytes, durability); });
  }
  Result<void> sync() override {
    return kill_.pass(KillPoint::kSyncFile, [this] { return real_->sync(); });
  }
  Result<std::uint64_t> size_bytes() override { return real_->size_bytes(); }
  Result<void> allocate(std::uint64_t bytes) override {
    return kill_.pass(KillPoint::kAllocate, [&] { return real_->allocate(bytes); });
  }
  Result<void> truncate(std::uint64_t bytes) override {
    return kill_.pass(KillPoint::kTruncate, [&] { return real_->truncate(bytes); });
  }
  [[nodiscard]] int descriptor() const override { return real_->descriptor(); }

 private:
  const std::unique_ptr<io::File> real_;
  const bool is_manifest_;
  KillSwitch& kill_;
};

class KillingDirectory final : public io::Directory {
 public:
  KillingDirectory(std::unique_ptr<io::Directory> real, KillSwitch& kill)
      : real_(std::move(real)), kill_(kill) {}

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    const bool is_created = mode == io::OpenMode::kCreate;
    const KillPoint point = is_created ? KillPoint::kCreateSlot : KillPoint::kNone;
    auto opened = kill_.pass(point, [&] { return real_->open(name, mode); });
    if (!opened.has_value()) return opened.error();
    const bool is_manifest = name == checkpoint::kManifestName;
    return {std::make_unique<KillingFile>(std::move(opened.value()), is_manifest, kill_)};
  }
  Result<std::vector<std::string>> list() override { return real_->list(); }
  Result<void> remove(std::string_view name) override {
    return kill_.pass(KillPoint::kRemove, [&] { return real_->remove(name); });
  }
  Result<void> sync() override {
    return kill_.pass(KillPoint::kSyncDirectory, [this] { return real_->sync(); });
  }
  Result<io::SpaceInfo> space() override { return real_->space(); }
  Result<std::unique_ptr<io::DirectoryLock>> lock() override { return real_->lock(); }
  [[nodiscard]] const std::string& path() const override { return real_->path(); }

 private:
  const std::unique_ptr<io::Directory> real_;
  KillSwitch& kill_;
};

class KillingQueue final : public io::WriteQueue {
 public:
  KillingQueue(std::unique_ptr<io::WriteQueue> real, KillSwitch& kill)
      : real_(std::move(real)), kill_(kill) {}

  [[nodiscard]] std::size_t depth() const override { return real_->depth(); }
  void submit(io::File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) override {
    kill_.pass(KillPoint::kSubmit, [&] {
      real_->submit(file, offset, bytes, tag);
      return true;
    });
  }
  void reap(std::vector<io::WriteDone>& done, Wait wait) override {
    kill_.pass(KillPoint::kReap, [&] {
      real_->reap(done, wait);
      return true;
    });
  }
  void interrupt() override { real_->interrupt(); }

 private:
  const std::unique_ptr<io::WriteQueue> real_;
  KillSwitch& kill_;
};

}  // namespace

void KillSwitch::die() {
  ::kill(::getpid(), SIGKILL);
  CHECK(false);  // it does not return
}

Result<std::unique_ptr<io::Directory>> KillingFileSystem::open_directory(const std::string& path,
                                                                         Missing missing) {
  TRY_ASSIGN(auto real, real_.open_directory(path, missing));
  return {std::make_unique<KillingDirectory>(std::move(real), kill_)};
}

Result<std::unique_ptr<io::WriteQueue>> KillingFileSystem::open_write_queue(
    std::size_t depth, io::Durability durability) {
  TRY_ASSIGN(auto real, real_.open_write_queue(depth, durability));
  return {std::make_unique<KillingQueue>(std::move(real), kill_)};
}

}  // namespace spillway::test
