// A disk in memory on which every write is durable at once, and whose contents are a value: cheap
// to copy, to damage and to put back. For damage at rest; SimDisk is the one that loses power.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/sim_bytes.h"
#include "wal/io/file.h"

namespace spillway::test {

/// All files of a FlatDisk. Paths are `directory/name`.
class DiskImage {
 public:
  struct Range {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
  };
  struct FileImage {
    SimBytes bytes;
    std::uint64_t size_bytes = 0;
    std::vector<Range> unreadable;
  };

  [[nodiscard]] bool has(const std::string& path) const { return files_.count(path) != 0; }
  [[nodiscard]] const FileImage& file(const std::string& path) const { return files_.at(path); }
  [[nodiscard]] FileImage& file(const std::string& path) { return files_.at(path); }
  [[nodiscard]] std::vector<std::string> paths() const;
  [[nodiscard]] std::vector<std::string> names_in(const std::string& directory) const;
  [[nodiscard]] std::uint64_t size_bytes(const std::string& path) const;

  FileImage& create(const std::string& path) { return files_[path]; }
  void erase(const std::string& path) { files_.erase(path); }

  /// What is behind the end of the file reads as zeros.
  [[nodiscard]] std::vector<std::byte> read(const std::string& path, std::uint64_t offset,
                                            std::uint64_t size_bytes) const;
  void write(const std::string& path, std::uint64_t offset, ByteSpan bytes);
  void cut(const std::string& path, std::uint64_t size_bytes);

  /// Whether the device reads all of the range.
  [[nodiscard]] bool is_readable(const std::string& path, std::uint64_t begin,
                                 std::uint64_t end) const;

 private:
  std::map<std::string, FileImage> files_;
};

/// Not thread-safe beyond one thread at a time per file.
class FlatDisk final : public io::FileSystem {
 public:
  FlatDisk() = default;
  explicit FlatDisk(DiskImage contents) : image(std::move(contents)) {}

  Result<std::unique_ptr<io::Directory>> open_directory(const std::string& path,
                                                        Missing missing) override;
  Result<std::unique_ptr<io::WriteQueue>> open_write_queue(std::size_t depth,
                                                           io::Durability durability) override;

  DiskImage image;
};

}  // namespace spillway::test
