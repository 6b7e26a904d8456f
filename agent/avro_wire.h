// Avro's binary encoding of the few things our files need: longs, bytes, what follows a length.
//
// Source: Apache Avro 1.11 specification, "Binary Encoding".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spillway::agent {

/// Appends a long: zigzag, then seven bits per byte.
void append_avro_long(std::int64_t value, std::string& out);

/// Appends bytes or a string: its length, then itself.
void append_avro_bytes(std::string_view bytes, std::string& out);

/// Reads values off the front of bytes that may be anything. nullopt or false: they end too early,
/// or hold no such value; is_damaged() tells the two apart. Does not own the bytes.
class AvroInput {
 public:
  explicit AvroInput(std::string_view bytes) : bytes_(bytes) {}

  std::optional<std::int64_t> read_long();
  std::optional<std::string_view> read_bytes();
  std::optional<std::string_view> take(std::uint64_t count);

  /// What has been read so far.
  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }

  /// More bytes would not have helped.
  [[nodiscard]] bool is_damaged() const { return is_damaged_; }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
  bool is_damaged_ = false;
};

}  // namespace spillway::agent
