#include "agent/avro_wire.h"

namespace spillway::agent {

void append_avro_long(std::int64_t value, std::string& out) {
  auto rest = (static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63);
  while (rest > 0x7F) {
    out += static_cast<char>(0x80U | (rest & 0x7FU));
    rest >>= 7U;
  }
  out += static_cast<char>(rest);
}

void append_avro_bytes(std::string_view bytes, std::string& out) {
  append_avro_long(static_cast<std::int64_t>(bytes.size()), out);
  out += bytes;
}

std::optional<std::int64_t> AvroInput::read_long() {
  std::uint64_t bits = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == bytes_.size()) return std::nullopt;
    const auto byte = static_cast<unsigned char>(bytes_[at_++]);
    bits |= (byte & std::uint64_t{0x7F}) << shift;
    if (byte < 0x80) {
      return static_cast<std::int64_t>(bits >> 1U) ^ -static_cast<std::int64_t>(bits & 1U);
    }
  }
  is_damaged_ = true;  // a long has ten bytes at most
  return std::nullopt;
}

std::optional<std::string_view> AvroInput::read_bytes() {
  const auto count = read_long();
  if (!count) return std::nullopt;
  if (*count < 0) {
    is_damaged_ = true;
    return std::nullopt;
  }
  return take(static_cast<std::uint64_t>(*count));
}

std::optional<std::string_view> AvroInput::take(std::uint64_t count) {
  if (count > left()) return std::nullopt;
  const std::string_view taken = bytes_.substr(at_, count);
  at_ += taken.size();
  return taken;
}

}  // namespace spillway::agent
