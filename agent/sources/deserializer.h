// Deserializer: a spooled file cut into events.
//
// One per open file. Knows where to go on after a restart; what happens to the events and to the
// file is the source's business.
// Source: Flume user guide, "Event Deserializers".
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/sources/spool_input.h"
#include "agent/text_decoder.h"
#include "channel/event.h"
#include "wal/base/result.h"

namespace spillway::agent {

struct DeserializerOptions {
  enum class Kind : std::uint8_t { kLine, kAvro, kBlob };
  enum class AvroSchemaHeader : std::uint8_t { kHash, kLiteral };

  Kind kind = Kind::kLine;
  std::string input_charset = "utf-8";
  std::string output_charset = "utf-8";
  DecodePolicy decode_policy = DecodePolicy::kFail;
  std::size_t line_chars_max = 2048;
  AvroSchemaHeader schema_header = AvroSchemaHeader::kHash;
  std::size_t avro_block_bytes_max = 64 << 20;  // as stored and decompressed
  std::size_t blob_bytes_max = 100'000'000;
};

/// Not thread-safe.
class Deserializer {
 public:
  struct Event {
    std::string_view body;                                     // dies with the next call
    std::optional<channel::HeaderView> header = std::nullopt;  // likewise
  };

  Deserializer() = default;
  Deserializer(const Deserializer&) = delete;
  Deserializer& operator=(const Deserializer&) = delete;
  virtual ~Deserializer() = default;

  /// nullopt at the end of the file. kCorrupt, kTooLarge, kUnsupported: nothing more of this file
  /// can be read; `at` is the offset. kIo: perhaps later.
  virtual Result<std::optional<Event>> next() = 0;

  /// Where a new deserializer would go on behind the last event; it may give events again that
  /// cannot be told apart by an offset (Avro: those of a block).
  [[nodiscard]] virtual std::uint64_t offset() const = 0;

  /// How many of those there are now.
  [[nodiscard]] virtual std::uint64_t events_behind_offset() const { return 0; }

  /// Events that were cut because they were too long.
  [[nodiscard]] std::uint64_t cut_count() const { return cut_count_; }

 protected:
  std::uint64_t cut_count_ = 0;
};

/// Reads `input` (outlives the result) from `offset` on.
Result<std::unique_ptr<Deserializer>> make_deserializer(const DeserializerOptions& options,
                                                        SpoolInput& input, std::uint64_t offset);

// The three kinds, each in a file of its own.
Result<std::unique_ptr<Deserializer>> make_line_deserializer(const DeserializerOptions& options,
                                                             SpoolInput& input,
                                                             std::uint64_t offset);
Result<std::unique_ptr<Deserializer>> make_avro_deserializer(const DeserializerOptions& options,
                                                             SpoolInput& input,
                                                             std::uint64_t offset);
Result<std::unique_ptr<Deserializer>> make_blob_deserializer(const DeserializerOptions& options,
                                                             SpoolInput& input,
                                                             std::uint64_t offset);

}  // namespace spillway::agent
