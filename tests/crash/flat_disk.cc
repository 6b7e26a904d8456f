#include "tests/crash/flat_disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace spillway::test {
namespace {

class FlatFile final : public io::File {
 public:
  FlatFile(DiskImage& image, std::string path) : image_(image), path_(std::move(path)) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override {
    if (!image_.has(path_)) return std::size_t{0};  // deleted; nobody needs its bytes any more
    if (!image_.is_readable(path_, offset, offset + bytes.size())) {
      return Error{.code = Errc::kIo, .os_error = EIO, .what = "cannot read", .at = offset};
    }
    const DiskImage::FileImage& file = image_.file(path_);
    if (offset >= file.size_bytes) return std::size_t{0};
    const std::uint64_t count = std::min<std::uint64_t>(bytes.size(), file.size_bytes - offset);
    file.bytes.read(offset, bytes.first(count));
    return count;
  }
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes,
                        io::Durability /*durability*/) override {
    image_.write(path_, offset, bytes);
    return {};
  }
  Result<void> sync() override { return {}; }
  Result<std::uint64_t> size_bytes() override { return image_.size_bytes(path_); }
  Result<void> allocate(std::uint64_t size_bytes) override {
    DiskImage::FileImage& file = image_.file(path_);
    file.size_bytes = std::max(file.size_bytes, size_bytes);
    return {};
  }
  Result<void> truncate(std::uint64_t size_bytes) override {
    DiskImage::FileImage& file = image_.file(path_);
    file.size_bytes = std::min(file.size_bytes, size_bytes);
    file.bytes.cut(file.size_bytes);
    return {};
  }
  [[nodiscard]] int descriptor() const override { return -1; }

 private:
  DiskImage& image_;
  const std::string path_;
};

class FlatDirectory final : public io::Directory {
 public:
  FlatDirectory(DiskImage& image, std::string path) : image_(image), path_(std::move(path)) {}

  Result<std::unique_ptr<io::File>> open(std::string_view name, io::OpenMode mode) override {
    const std::string path = path_ + "/" + std::string(name);
    if (mode == io::OpenMode::kCreate) {
      if (image_.has(path)) return Error{.code = Errc::kExists, .os_error = EEXIST};
      image_.create(path);
    } else if (!image_.has(path)) {
      return Error{.code = Errc::kNotFound, .os_error = ENOENT};
    }
    return {std::make_unique<FlatFile>(image_, path)};
  }
  Result<std::vector<std::string>> list() override { return image_.names_in(path_); }
  Result<void> remove(std::string_view name) override {
    image_.erase(path_ + "/" + std::string(name));
    return {};
  }
  Result<void> sync() override { return {}; }
  Result<io::SpaceInfo> space() override {
    return io::SpaceInfo{.free_bytes = kGiB, .total_bytes = kGiB};
  }
  Result<std::unique_ptr<io::DirectoryLock>> lock() override {
    if (!image_.has(path_ + "/in_use.lock")) image_.create(path_ + "/in_use.lock");
    return {std::make_unique<io::DirectoryLock>()};
  }
  [[nodiscard]] const std::string& path() const override { return path_; }

 private:
  DiskImage& image_;
  const std::string path_;
};

}  // namespace

std::vector<std::string> DiskImage::paths() const {
  std::vector<std::string> paths;
  for (const auto& file : files_) paths.push_back(file.first);
  return paths;
}

std::vector<std::string> DiskImage::names_in(const std::string& directory) const {
  std::vector<std::string> names;
  for (const auto& file : files_) {
    if (file.first.starts_with(directory + "/")) {
      names.push_back(file.first.substr(directory.size() + 1));
    }
  }
  return names;
}

std::uint64_t DiskImage::size_bytes(const std::string& path) const {
  return has(path) ? file(path).size_bytes : 0;
}

std::vector<std::byte> DiskImage::read(const std::string& path, std::uint64_t offset,
                                       std::uint64_t size_bytes) const {
  std::vector<std::byte> bytes(size_bytes);
  const FileImage& from = file(path);
  if (offset < from.size_bytes) {
    const std::uint64_t count = std::min(size_bytes, from.size_bytes - offset);
    from.bytes.read(offset, MutableByteSpan(bytes).first(count));
  }
  return bytes;
}

void DiskImage::write(const std::string& path, std::uint64_t offset, ByteSpan bytes) {
  FileImage& to = file(path);
  to.bytes.write(offset, bytes);
  to.size_bytes = std::max<std::uint64_t>(to.size_bytes, offset + bytes.size());
}

void DiskImage::cut(const std::string& path, std::uint64_t size_bytes) {
  FileImage& one = file(path);
  one.bytes.cut(size_bytes);
  one.size_bytes = size_bytes;
}

bool DiskImage::is_readable(const std::string& path, std::uint64_t begin, std::uint64_t end) const {
  const std::vector<Range>& bad = file(path).unreadable;
  return std::none_of(bad.begin(), bad.end(),
                      [&](const Range& r) { return r.begin < end && begin < r.end; });
}

Result<std::unique_ptr<io::Directory>> FlatDisk::open_directory(const std::string& path,
                                                                Missing /*missing*/) {
  return {std::make_unique<FlatDirectory>(image, path)};
}

Result<std::unique_ptr<io::WriteQueue>> FlatDisk::open_write_queue(std::size_t /*depth*/,
                                                                   io::Durability /*durability*/) {
  return Error{.code = Errc::kUnsupported, .what = "one write at a time"};
}

}  // namespace spillway::test
