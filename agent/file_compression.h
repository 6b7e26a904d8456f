// FileCompression: pieces of a file, each compressed so that all of them together are one file.
//
// A piece is a gzip member or a zstd frame of its own: gunzip and unzstd read them one after the
// other, and what is cut off behind a piece takes nothing of it away.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::agent {

/// A value.
class FileCompression {
 public:
  static constexpr std::string_view kChoices = "none|gzip|zstd";

  FileCompression() = default;

  /// `name` is one of kChoices. kUnsupported: not in this build.
  static Result<FileCompression> named(std::string_view name);

  [[nodiscard]] bool is_none() const { return kind_ == Kind::kNone; }

  /// What a file's name ends with: ".gz", ".zst", or nothing.
  [[nodiscard]] std::string_view suffix() const;

  /// Appends `data` to `out` as one piece.
  void compress(std::string_view data, std::string& out) const;

 private:
  enum class Kind : std::uint8_t { kNone, kGzip, kZstd };

  explicit FileCompression(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kNone;
};

}  // namespace spillway::agent
