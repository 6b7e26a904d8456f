// Events as an Avro object container file, as Flume's serializer `avro_event` writes them.
//
// Makes the bytes and leaves it to others where they go. One writer, one thread. Blocks are what
// readers split a file at, and what is compressed.
// Source: Apache Avro 1.11 specification, "Object Container Files".
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/avro_codec.h"
#include "agent/avro_file.h"
#include "channel/event.h"

namespace spillway::agent {

/// Flume's schema of an event, as Java prints it.
inline constexpr std::string_view kAvroEventSchema =
    R"({"type":"record","name":"Event","fields":[{"name":"headers","type":{"type":"map",)"
    R"("values":"string"}},{"name":"body","type":"bytes"}]})";

class AvroContainer {
 public:
  static constexpr std::size_t kMarkerBytes = kAvroMarkerBytes;
  static constexpr std::size_t kBlockBytes = 2'048'000;  // Flume's syncIntervalBytes
  using Marker = AvroMarker;

  /// `marker` separates the blocks: random, so that no body is taken for it.
  explicit AvroContainer(const Marker& marker) : marker_(marker) {}

  /// Blocks of about `block_bytes` before compression with `codec`.
  AvroContainer(const Marker& marker, const AvroCodec& codec, std::size_t block_bytes)
      : marker_(marker), codec_(codec), block_bytes_max_(block_bytes) {}

  /// What the file begins with.
  void append_header(std::string& out) const;

  /// Adds the event to the block in hand, and appends that block to `out` once it is large enough.
  /// False: Avro's map cannot hold the headers as they are, because one is no UTF-8 (what does not
  /// decode has become U+FFFD) or a key comes twice (readers keep one of them).
  bool append(const channel::EventView& event, std::string& out);

  /// Appends what has been added since the last block; nothing when that is nothing.
  void append_block(std::string& out);

 private:
  bool append_headers(const channel::EventView& event);

  const Marker marker_;
  const AvroCodec codec_;
  const std::size_t block_bytes_max_ = kBlockBytes;
  std::uint64_t block_events_ = 0;
  std::string block_;
  std::string text_;    // scratch
  std::string packed_;  // scratch
};

}  // namespace spillway::agent
