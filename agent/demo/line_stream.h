// The demo's generated log: numbered lines at a steady rate, rotated by renaming.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>

namespace spillway::agent {

/// Not thread-safe.
class LineStream {
 public:
  /// Writes `app.log` in `directory`.
  explicit LineStream(std::filesystem::path directory);

  /// Appends lines until `count` have been written since the start.
  void write_until(std::uint64_t count);

  /// Renames app.log to app.log.<n> and starts a new one.
  void rotate();

  [[nodiscard]] std::uint64_t written() const { return written_; }

 private:
  const std::filesystem::path directory_;
  std::ofstream file_;
  std::uint64_t written_ = 0;
  std::uint64_t rotations_ = 0;
};

}  // namespace spillway::agent
