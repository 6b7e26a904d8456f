// The Protocol Buffers wire format by hand: varints and length-delimited fields, for the hot path.
// tests/channel/event_test.cc and tests/wal/block_payload_test.cc prove byte equality with the
// generated code. Source: protobuf.dev, "Encoding".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "wal/base/bytes.h"

namespace spillway::wire {

inline constexpr std::size_t kVarintBytesMax = 10;
inline constexpr std::size_t kShortVarintBytesMax = 5;  // a tag or a length

enum class Type : std::uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

constexpr std::uint32_t tag(std::uint32_t field, Type type) {
  return (field << 3U) | static_cast<std::uint32_t>(type);
}

constexpr std::size_t varint_bytes(std::uint64_t value) {
  std::size_t count = 1;
  while (value >= 0x80) {
    value >>= 7U;
    ++count;
  }
  return count;
}

/// Writes at most kVarintBytesMax bytes at `to` and returns the first byte behind them.
inline std::byte* write_varint(std::byte* to, std::uint64_t value) {
  while (value >= 0x80) {
    *to++ = static_cast<std::byte>(value | 0x80U);
    value >>= 7U;
  }
  *to++ = static_cast<std::byte>(value);
  return to;
}

/// Bytes that write_field takes for a length-delimited field with a number below 16.
constexpr std::size_t field_bytes(std::size_t length) {
  return 1 + varint_bytes(length) + length;
}

/// Writes the tag and the length of a length-delimited field with a number below 16.
inline std::byte* write_field_header(std::byte* to, std::uint32_t field, std::size_t length) {
  *to++ = static_cast<std::byte>(tag(field, Type::kBytes));
  return write_varint(to, length);
}

inline std::byte* write_field(std::byte* to, std::uint32_t field, ByteSpan bytes) {
  to = write_field_header(to, field, bytes.size());
  if (!bytes.empty()) std::memcpy(to, bytes.data(), bytes.size());
  return to + bytes.size();
}

struct Field {
  std::uint32_t number = 0;
  Type type = Type::kVarint;
  std::uint64_t value = 0;  // kVarint, kFixed64, kFixed32
  ByteSpan bytes = {};      // kBytes
};

/// Walks the fields of one message. next() returns nullopt at the end or at the first malformed
/// byte; is_valid() tells which. Nothing is accepted that the generated code would refuse.
class Reader {
 public:
  explicit Reader(ByteSpan message) : at_(message.data()), end_(at_ + message.size()) {}

  std::optional<Field> next();

  /// Reads the next field if it is length-delimited, has this number (below 16) and fewer than
  /// 16 KiB; otherwise reads nothing, and next() tells. Several times cheaper where one kind of
  /// field is expected.
  bool next_bytes(std::uint32_t number, ByteSpan& bytes);
  [[nodiscard]] bool is_valid() const { return is_valid_; }
  [[nodiscard]] const std::byte* position() const { return at_; }

 private:
  bool read_varint(std::uint64_t& value, std::size_t bytes_max = kVarintBytesMax);
  std::optional<Field> fail() {
    is_valid_ = false;
    return std::nullopt;
  }

  const std::byte* at_;
  const std::byte* end_;
  bool is_valid_ = true;
};

inline bool Reader::read_varint(std::uint64_t& value, std::size_t bytes_max) {
  value = 0;
  for (std::size_t shift = 0; shift < 7 * bytes_max && at_ < end_; shift += 7) {
    const auto byte = static_cast<std::uint64_t>(*at_++);
    if (shift == 63 && byte > 1) return false;  // beyond 64 bits
    value |= (byte & 0x7FU) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

inline bool Reader::next_bytes(std::uint32_t number, ByteSpan& bytes) {
  const auto rest = static_cast<std::size_t>(end_ - at_);
  if (!is_valid_ || rest < 3 || at_[0] != static_cast<std::byte>(tag(number, Type::kBytes))) {
    return false;
  }
  auto length = static_cast<std::size_t>(at_[1]);
  std::size_t header = 2;
  if (length >= 0x80) {
    const auto high = static_cast<std::size_t>(at_[2]);
    if (high >= 0x80) return false;
    length = (length & 0x7FU) | (high << 7U);
    header = 3;
  }
  if (length > rest - header) return false;
  bytes = ByteSpan(at_ + header, length);
  at_ += header + length;
  return true;
}

inline std::optional<Field> Reader::next() {
  if (at_ == end_ || !is_valid_) return std::nullopt;
  std::uint64_t key = 0;
  if (!read_varint(key, kShortVarintBytesMax) || key >> 3U == 0 || key > UINT32_MAX) return fail();
  Field field{.number = static_cast<std::uint32_t>(key >> 3U), .type = static_cast<Type>(key & 7U)};
  const auto rest = [this] { return static_cast<std::size_t>(end_ - at_); };
  switch (field.type) {
    case Type::kVarint:
      if (!read_varint(field.value)) return fail();
      return field;
    case Type::kFixed64:
      if (rest() < 8) return fail();
      field.value = load_le<std::uint64_t>(at_);
      at_ += 8;
      return field;
    case Type::kFixed32:
      if (rest() < 4) return fail();
      field.value = load_le<std::uint32_t>(at_);
      at_ += 4;
      return field;
    case Type::kBytes: {
      std::uint64_t length = 0;
      if (!read_varint(length, kShortVarintBytesMax) || length > rest()) return fail();
      field.bytes = ByteSpan(at_, static_cast<std::size_t>(length));
      at_ += length;
      return field;
    }
  }
  return fail();
}

}  // namespace spillway::wire
