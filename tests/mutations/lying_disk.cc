#include "tests/mutations/lying_disk.h"

#include <utility>
#include <vector>

namespace spillway::test {
namespace {

class LyingFile final : public io::File {
 public:
  LyingFile(std::unique_ptr<io::File> file, Lie lie) : file_(std::move(file)), lie_(lie) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override {
    return file_->read_at(offset, bytes);
  }
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, io::Durability durability) override {
    if (lie_ == Lie::kSkipFlush) durability = io::Durability::kNone;
    if (lie_ == Lie::kHideShortWrite) {
      bytes = bytes.first(align_down(bytes.size() / 2, io::kBlockBytes));
      if (bytes.empty()) return {};
    }
    const auto done = file_->write_at(offset, bytes, durability);
    if (lie_ == Lie::kHideWriteError) return {};
    return done;
  }
  Result<void> sync() override {
    const auto done = file_->sync();
    if (lie_ == Lie::kRetrySync && !done.has_value()) return file_->sync();
    return done;
  }
  Result<std::uint64_t> size_bytes() override { return file_->size_bytes(); }
  Result<void> allocate(std::uint64_t size_bytes) override { return file_->allocate(size_bytes); }
  Result<void> truncate(std::uint64_t size_bytes) override { return file_->truncate(size_bytes); }
  [[nodiscard]] int descriptor() const override { return file_->descriptor(); }

 private:
  const std::unique_ptr<io::File> file_;
  const Lie lie_;
};

class LyingDirectory final : public io::Directory {
 public:
  LyingDirectory(std::unique_ptr<io::Directory> directory, Lie lie)
      : directory_(std::move(directory)), lie_(lie) {}

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    auto opened = directory_->open(name, mode);
    if (!opened.has_value()) return opened.error();
    return {std::make_unique<LyingFile>(std::move(opened.value()), lie_)};
  }
  Result<std::vector<std::string>> list() override { return directory_->list(); }
  Result<void> remove(std::string_view name) override { return directory_->remove(name); }
  Result<void> sync() override {
    if (lie_ == Lie::kSkipDirectorySync) return {};
    const auto done = directory_->sync();
    if (lie_ == Lie::kRetrySync && !done.has_value()) return directory_->sync();
    return done;
  }
  Result<io::SpaceInfo> space() override { return directory_->space(); }
  Result<std::unique_ptr<io::DirectoryLock>> lock() override { return directory_->lock(); }
  [[nodiscard]] const std::string& path() const override { return directory_->path(); }

 private:
  const std::unique_ptr<io::Directory> directory_;
  const Lie lie_;
};

}  // namespace

std::string lie_name(Lie lie) {
  switch (lie) {
    case Lie::kNone:
      return "none";
    case Lie::kSkipFlush:
      return "skip_flush";
    case Lie::kSkipDirectorySync:
      return "skip_directory_sync";
    case Lie::kHideShortWrite:
      return "hide_short_write";
    case Lie::kHideWriteError:
      return "hide_write_error";
    case Lie::kRetrySync:
      return "retry_sync";
  }
  return "unknown";
}

Result<std::unique_ptr<io::Directory>> LyingDisk::open_directory(const std::string& path,
                                                                 Missing missing) {
  auto opened = disk_.open_directory(path, missing);
  if (!opened.has_value()) return opened.error();
  return {std::make_unique<LyingDirectory>(std::move(opened.value()), lie_)};
}

Result<std::unique_ptr<io::WriteQueue>> LyingDisk::open_write_queue(std::size_t /*depth*/,
                                                                    io::Durability /*durability*/) {
  return Error{.code = Errc::kUnsupported, .what = "one write at a time"};
}

}  // namespace spillway::test
