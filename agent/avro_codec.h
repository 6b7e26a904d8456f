// AvroCodec: how the blocks of an Avro container file are compressed.
//
// null and deflate always; snappy and zstandard where the build has the libraries.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::agent {

/// A value.
class AvroCodec {
 public:
  /// null
  AvroCodec() = default;

  /// Names of this build for an option, as OptionSpec::choices; a build without a library says so
  /// when the codec is asked for.
  static constexpr std::string_view kChoices = "null|deflate|snappy|zstd|zstandard";

  /// `name` as in the metadata of a file; empty is null, zstd is Flume's word for zstandard.
  /// kUnsupported: not in this build, or not at all.
  static Result<AvroCodec> named(std::string_view name);

  /// As in the metadata of a file.
  [[nodiscard]] std::string_view name() const;

  /// Appends to `out`.
  [[nodiscard]] Result<void> compress(std::string_view data, std::string& out) const;

  /// Appends to `out`. kTooLarge: it would become more than `bytes_max`. kCorrupt: it is damaged.
  [[nodiscard]] Result<void> decompress(std::string_view data, std::size_t bytes_max,
                                        std::string& out) const;

 private:
  enum class Kind : std::uint8_t { kNull, kDeflate, kSnappy, kZstandard };

  explicit AvroCodec(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kNull;
};

}  // namespace spillway::agent
