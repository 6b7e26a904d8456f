#include "agent/avro_file.h"

#include <algorithm>
#include <cstring>
#include <random>

#include "agent/avro_wire.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kMagic("Obj\x01", 4);

// Whatever ends too early may be continued, unless it is wrong already.
Result<std::optional<AvroFileHeader>> incomplete_header(const AvroInput& input) {
  if (input.is_damaged()) return Error{.code = Errc::kCorrupt, .what = "damaged Avro header"};
  return std::optional<AvroFileHeader>();
}

// One block of the metadata map; 0 entries end it. False: see `input`.
bool read_metadata(AvroInput& input, std::int64_t count, AvroMetadata& metadata) {
  if (count < 0) {  // then its size in bytes follows, for readers that skip it
    if (!input.read_long() || count == INT64_MIN) return false;
    count = -count;
  }
  for (; count > 0; --count) {
    const auto key = input.read_bytes();
    const auto value = key ? input.read_bytes() : std::nullopt;
    if (!value) return false;
    metadata.insert_or_assign(std::string(*key), std::string(*value));
  }
  return true;
}

}  // namespace

std::string_view AvroFileHeader::meta(std::string_view key) const {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::string_view() : std::string_view(found->second);
}

Result<std::optional<AvroFileHeader>> parse_avro_header(std::string_view bytes) {
  const std::size_t compared = std::min(bytes.size(), kMagic.size());
  if (bytes.substr(0, compared) != kMagic.substr(0, compared)) {
    return Error{.code = Errc::kCorrupt, .what = "not an Avro container file"};
  }
  if (compared < kMagic.size()) return std::optional<AvroFileHeader>();
  AvroInput input(bytes);
  static_cast<void>(input.take(kMagic.size()));
  AvroFileHeader header;
  while (true) {
    const auto count = input.read_long();
    if (!count) return incomplete_header(input);
    if (*count == 0) break;
    if (!read_metadata(input, *count, header.metadata)) return incomplete_header(input);
  }
  const auto marker = input.take(kAvroMarkerBytes);
  if (!marker) return std::optional<AvroFileHeader>();
  std::copy(marker->begin(), marker->end(), header.marker.begin());
  header.size_bytes = input.at();
  return std::optional<AvroFileHeader>(std::move(header));
}

Result<std::optional<AvroFileBlock>> parse_avro_block(std::string_view bytes,
                                                      const AvroMarker& marker,
                                                      std::uint64_t block_bytes_max) {
  constexpr Error kDamaged{.code = Errc::kCorrupt, .what = "damaged block of an Avro file"};
  AvroInput input(bytes);
  const auto count = input.read_long();
  const auto size = count ? input.read_long() : std::nullopt;
  if (input.is_damaged() || (count && *count < 0) || (size && *size < 0)) return kDamaged;
  if (!size) return std::optional<AvroFileBlock>();
  if (static_cast<std::uint64_t>(*size) > block_bytes_max) {
    return Error{.code = Errc::kTooLarge, .what = "block of an Avro file is too large"};
  }
  const auto data = input.take(static_cast<std::uint64_t>(*size));
  const auto end = data ? input.take(kAvroMarkerBytes) : std::nullopt;
  if (!end) return std::optional<AvroFileBlock>();
  if (!std::equal(end->begin(), end->end(), marker.begin())) return kDamaged;
  return std::optional<AvroFileBlock>(AvroFileBlock{
      .count = static_cast<std::uint64_t>(*count), .data = *data, .size_bytes = input.at()});
}

void append_avro_header(AvroMetadataList metadata, const AvroMarker& marker, std::string& out) {
  out += kMagic;
  if (metadata.size() > 0) append_avro_long(static_cast<std::int64_t>(metadata.size()), out);
  for (const auto& [key, value] : metadata) {
    append_avro_bytes(key, out);
    append_avro_bytes(value, out);
  }
  append_avro_long(0, out);
  out.append(marker.data(), marker.size());
}

void append_avro_block(std::uint64_t count, std::string_view data, const AvroMarker& marker,
                       std::string& out) {
  append_avro_long(static_cast<std::int64_t>(count), out);
  append_avro_bytes(data, out);
  out.append(marker.data(), marker.size());
}

AvroMarker random_avro_marker() {
  std::random_device device;
  AvroMarker marker{};
  for (std::size_t at = 0; at < marker.size(); at += sizeof(unsigned)) {
    const unsigned bits = device();
    std::memcpy(&marker[at], &bits, sizeof(bits));
  }
  return marker;
}

}  // namespace spillway::agent
