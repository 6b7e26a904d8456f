// Deserializer `avro`: an event per value of an Avro container file, whatever its schema.
//
// The body is the value as the file encodes it; a header names the schema. Going on after a
// restart begins with the block that was in hand, as in Flume: up to a block comes again.
// Source: Flume 1.11, AvroEventDeserializer.
#include <fmt/format.h>

#include <algorithm>

#include "agent/avro_codec.h"
#include "agent/avro_file.h"
#include "agent/avro_schema.h"
#include "agent/sources/deserializer.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kHeaderBytesMax = 16 << 20;
constexpr std::size_t kFirstPeekBytes = 4096;
// So many values may take no bytes at all (a null, a record without fields).
constexpr std::uint64_t kEmptyValuesMax = 1'000'000;

constexpr std::string_view kHashKey = "flume.avro.schema.hash";
constexpr std::string_view kLiteralKey = "flume.avro.schema.literal";

// Java prints the fingerprint's bytes, lowest first.
std::string hash_text(std::uint64_t fingerprint) {
  return fmt::format("{:016x}", __builtin_bswap64(fingerprint));
}

class AvroDeserializer final : public Deserializer {
 public:
  AvroDeserializer(AvroFileHeader file, AvroSchema schema, AvroCodec codec,
                   const DeserializerOptions& options, SpoolInput& input)
      : file_(std::move(file)),
        schema_(std::move(schema)),
        codec_(codec),
        block_bytes_max_(options.avro_block_bytes_max),
        is_literal_(options.schema_header == DeserializerOptions::AvroSchemaHeader::kLiteral),
        header_value_(is_literal_ ? std::string(file_.meta("avro.schema"))
                                  : hash_text(schema_.fingerprint())),
        input_(input) {}

  Result<std::optional<Event>> next() override {
    while (values_left_ == 0) {
      if (block_at_ < block_.size()) return damaged("block has bytes behind its values");
      TRY_ASSIGN(const bool is_found, read_block());
      if (!is_found) return std::optional<Event>();
    }
    AvroInput values(std::string_view(block_).substr(block_at_));
    if (!schema_.skip_value(values, parts_left_)) return damaged("value does not fit the schema");
    const std::string_view body = std::string_view(block_).substr(block_at_, values.at());
    block_at_ += values.at();
    --values_left_;
    return std::optional<Event>(
        Event{.body = body,
              .header = channel::HeaderView{.key = is_literal_ ? kLiteralKey : kHashKey,
                                            .value = header_value_}});
  }

  // Flume's mark: the marker before the block to go on with.
  [[nodiscard]] std::uint64_t offset() const override {
    return (values_left_ > 0 ? block_begin_ : input_.offset()) - kAvroMarkerBytes;
  }

  [[nodiscard]] std::uint64_t events_behind_offset() const override {
    return values_left_ > 0 ? values_in_block_ - values_left_ : 0;
  }

  /// Goes on behind the next marker at or after `offset`.
  Result<void> find_block(std::uint64_t offset) {
    const std::string_view marker(file_.marker.data(), file_.marker.size());
    input_.seek(offset);
    while (true) {
      TRY_ASSIGN(const std::string_view view, input_.peek(kFirstPeekBytes));
      const std::size_t at = view.find(marker);
      if (at != std::string_view::npos) {
        input_.skip(at + marker.size());
        return {};
      }
      const bool is_end = view.size() < kFirstPeekBytes;
      input_.skip(is_end ? view.size() : view.size() - marker.size());
      if (is_end) return {};
    }
  }

 private:
  [[nodiscard]] Error damaged(const char* what) const {
    return {.code = Errc::kCorrupt, .what = what, .at = block_begin_};
  }

  // False at the end of the file.
  Result<bool> read_block() {
    block_.clear();
    block_at_ = 0;
    block_begin_ = input_.offset();
    for (std::size_t wanted = kFirstPeekBytes;; wanted *= 2) {
      TRY_ASSIGN(const std::string_view view, input_.peek(wanted));
      if (view.empty()) return false;
      auto block = parse_avro_block(view, file_.marker, block_bytes_max_);
      if (!block.has_value()) {
        Error error = block.error();
        error.at = block_begin_;
        return error;
      }
      if (block.value()) return take_block(*block.value());
      if (view.size() < wanted) return damaged("file ends in a block");
    }
  }

  Result<bool> take_block(const AvroFileBlock& block) {
    auto unpacked = codec_.decompress(block.data, block_bytes_max_, block_);
    if (!unpacked.has_value()) {
      Error error = unpacked.error();
      error.at = block_begin_;
      return error;
    }
    if (block.count > std::max<std::uint64_t>(block_.size(), kEmptyValuesMax)) {
      return damaged("block says it has more values than bytes");
    }
    values_left_ = values_in_block_ = block.count;
    parts_left_ = AvroSchema::parts_in(block_.size());
    input_.skip(block.size_bytes);
    return true;
  }

  const AvroFileHeader file_;
  const AvroSchema schema_;
  const AvroCodec codec_;
  const std::size_t block_bytes_max_;
  const bool is_literal_;
  const std::string header_value_;
  SpoolInput& input_;

  std::uint64_t block_begin_ = 0;  // in the file, of the block in hand
  std::string block_;              // decompressed
  std::size_t block_at_ = 0;
  std::uint64_t values_in_block_ = 0;
  std::uint64_t values_left_ = 0;
  std::uint64_t parts_left_ = 0;  // of the values in the block
};

Result<AvroFileHeader> read_header(SpoolInput& input) {
  input.seek(0);
  for (std::size_t wanted = kFirstPeekBytes; wanted <= kHeaderBytesMax; wanted *= 2) {
    TRY_ASSIGN(const std::string_view view, input.peek(wanted));
    TRY_ASSIGN(auto header, parse_avro_header(view));
    if (header) {
      input.skip(header->size_bytes);
      return std::move(*header);
    }
    if (view.size() < wanted) {
      return Error{.code = Errc::kCorrupt, .what = "Avro file ends in its header"};
    }
  }
  return Error{.code = Errc::kTooLarge, .what = "header of an Avro file is too large"};
}

}  // namespace

Result<std::unique_ptr<Deserializer>> make_avro_deserializer(const DeserializerOptions& options,
                                                             SpoolInput& input,
                                                             std::uint64_t offset) {
  TRY_ASSIGN(AvroFileHeader header, read_header(input));
  TRY_ASSIGN(AvroSchema schema, AvroSchema::parse(header.meta("avro.schema")));
  TRY_ASSIGN(const AvroCodec codec, AvroCodec::named(header.meta("avro.codec")));
  auto deserializer = std::make_unique<AvroDeserializer>(std::move(header), std::move(schema),
                                                         codec, options, input);
  if (offset > 0) TRY(deserializer->find_block(offset));
  return std::unique_ptr<Deserializer>(std::move(deserializer));
}

}  // namespace spillway::agent
