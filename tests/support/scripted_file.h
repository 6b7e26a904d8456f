// An in-memory File that fails on cue: for unit tests of code that owns one file. Where several
// files, power loss or several writes in flight matter, use SimDisk.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <optional>
#include <vector>

#include "wal/io/file.h"

namespace spillway::test {

// What tests see after the File has been moved into the object under test.
struct ScriptedDisk {
  std::vector<std::byte> bytes;
  int write_count = 0;
  int sync_count = 0;

  // Outcome of each coming call; empty means success, and so does the end of the script.
  std::deque<std::optional<Error>> reads;
  std::deque<std::optional<Error>> writes;
  std::deque<std::optional<Error>> syncs;
  std::deque<std::optional<Error>> allocations;
  std::deque<std::optional<Error>> truncations;
};

/// A failing call changes nothing. Not thread-safe.
class ScriptedFile final : public io::File {
 public:
  explicit ScriptedFile(ScriptedDisk& disk) : disk_(disk) {}

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override {
    if (auto error = take(disk_.reads)) return *error;
    if (offset >= disk_.bytes.size()) return std::size_t{0};
    const std::size_t count = std::min<std::size_t>(bytes.size(), disk_.bytes.size() - offset);
    std::memcpy(bytes.data(), disk_.bytes.data() + offset, count);
    return count;
  }

  Result<void> write_at(std::uint64_t offset, ByteSpan bytes,
                        io::Durability /*durability*/) override {
    ++disk_.write_count;
    if (auto error = take(disk_.writes)) return *error;
    grow(offset + bytes.size());
    std::memcpy(disk_.bytes.data() + offset, bytes.data(), bytes.size());
    return {};
  }

  Result<void> sync() override {
    ++disk_.sync_count;
    if (auto error = take(disk_.syncs)) return *error;
    return {};
  }

  Result<std::uint64_t> size_bytes() override { return std::uint64_t{disk_.bytes.size()}; }

  Result<void> allocate(std::uint64_t size_bytes) override {
    if (auto error = take(disk_.allocations)) return *error;
    grow(size_bytes);
    return {};
  }

  Result<void> truncate(std::uint64_t size_bytes) override {
    if (auto error = take(disk_.truncations)) return *error;
    if (disk_.bytes.size() > size_bytes) disk_.bytes.resize(size_bytes);
    return {};
  }

  [[nodiscard]] int descriptor() const override { return -1; }

 private:
  static std::optional<Error> take(std::deque<std::optional<Error>>& script) {
    if (script.empty()) return std::nullopt;
    const auto outcome = script.front();
    script.pop_front();
    return outcome;
  }

  void grow(std::uint64_t size_bytes) {
    if (disk_.bytes.size() < size_bytes) disk_.bytes.resize(size_bytes);
  }

  ScriptedDisk& disk_;
};

}  // namespace spillway::test
