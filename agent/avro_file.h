// The frame of an Avro object container file: its header, and where each block of it lies.
//
// Works on bytes in memory that may be damaged or still incomplete; what the blocks hold, and
// getting the bytes there, is the caller's business. The other direction is avro_container.h.
// Source: Apache Avro 1.11 specification, "Object Container Files".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "wal/base/result.h"

namespace spillway::agent {

inline constexpr std::size_t kAvroMarkerBytes = 16;
using AvroMarker = std::array<char, kAvroMarkerBytes>;
using AvroMetadata = std::map<std::string, std::string, std::less<>>;

struct AvroFileHeader {
  AvroMetadata metadata;
  AvroMarker marker = {};      // stands behind the header and behind each block
  std::size_t size_bytes = 0;  // of the header, its marker included

  /// The value of `key`, or an empty text.
  [[nodiscard]] std::string_view meta(std::string_view key) const;
};

struct AvroFileBlock {
  std::uint64_t count = 0;     // of the values in it
  std::string_view data;       // as stored: compressed with the file's codec
  std::size_t size_bytes = 0;  // of the block, its marker included
};

/// nullopt: more bytes are needed. kCorrupt: this is no Avro file.
Result<std::optional<AvroFileHeader>> parse_avro_header(std::string_view bytes);

/// The block that `bytes` begins with; nullopt: more bytes are needed. kTooLarge: the block says
/// it has more than `block_bytes_max`. kCorrupt: there is no block of this file.
Result<std::optional<AvroFileBlock>> parse_avro_block(std::string_view bytes,
                                                      const AvroMarker& marker,
                                                      std::uint64_t block_bytes_max);

/// What such a file begins with.
using AvroMetadataList = std::initializer_list<std::pair<std::string_view, std::string_view>>;
void append_avro_header(AvroMetadataList metadata, const AvroMarker& marker, std::string& out);

/// One block; `data` is compressed already.
void append_avro_block(std::uint64_t count, std::string_view data, const AvroMarker& marker,
                       std::string& out);

/// A marker that no data contains: random.
AvroMarker random_avro_marker();

}  // namespace spillway::agent
