// Fuzz target: bytes that may be an Avro container file: header, schema, codec, blocks and values.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "agent/avro_codec.h"
#include "agent/avro_file.h"
#include "agent/avro_schema.h"
#include "agent/avro_wire.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kBlockBytesMax = 100'000;

void check_values(const AvroSchema& schema, const std::string& block, std::uint64_t count) {
  AvroInput input(block);
  std::uint64_t parts = AvroSchema::parts_in(block.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::size_t before = input.at();
    if (!schema.skip_value(input, parts)) return;
    CHECK(input.at() >= before && input.at() <= block.size());
  }
}

void check_file(std::string_view bytes) {
  const auto parsed = parse_avro_header(bytes);
  if (!parsed.has_value() || !parsed.value()) return;
  const AvroFileHeader& header = *parsed.value();
  CHECK(header.size_bytes <= bytes.size());
  const std::string_view json = header.meta("avro.schema");
  const auto schema = AvroSchema::parse(json);
  if (!schema.has_value()) return;
  // The canonical form is a schema, and its own canonical form, where no name needs an escape.
  const auto again = AvroSchema::parse(schema.value().canonical());
  const bool is_plain = json.find('\\') == std::string_view::npos;
  if (again.has_value() && is_plain) {
    CHECK(again.value().fingerprint() == schema.value().fingerprint());
  }
  const auto codec = AvroCodec::named(header.meta("avro.codec"));
  if (!codec.has_value()) return;
  bytes.remove_prefix(header.size_bytes);
  while (true) {
    const auto block = parse_avro_block(bytes, header.marker, kBlockBytesMax);
    if (!block.has_value() || !block.value()) return;
    std::string data;
    const auto unpacked = codec.value().decompress(block.value()->data, kBlockBytesMax, data);
    CHECK(data.size() <= kBlockBytesMax);
    if (!unpacked.has_value()) return;
    check_values(schema.value(), data, block.value()->count);
    bytes.remove_prefix(block.value()->size_bytes);
  }
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::check_file({reinterpret_cast<const char*>(data), size});
  return 0;
}
