// xxh3-64: the checksum of everything the log writes. Detects damage, not tampering.
//
// Source: xxHash 0.8 (github.com/Cyan4973/xxHash); the value is stable across versions and CPUs,
// so it may be stored. Compiled in rather than linked: short blocks save the call and the dispatch.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "wal/base/bytes.h"

namespace spillway {

[[nodiscard]] std::uint64_t xxh3_64(ByteSpan bytes, std::uint64_t seed);

/// Hash of `a` followed by `b`, without joining them.
[[nodiscard]] std::uint64_t xxh3_64(ByteSpan a, ByteSpan b, std::uint64_t seed);

/// The same hash over bytes that arrive in pieces. Not thread-safe.
class Xxh3Stream {
 public:
  explicit Xxh3Stream(std::uint64_t seed);

  void update(ByteSpan bytes);

  /// Hash of everything so far; update() may go on afterwards.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  // XXH3_state_t, kept out of this header; hash.cc asserts size and alignment.
  static constexpr std::size_t kStateBytes = 576;
  alignas(64) std::array<std::byte, kStateBytes> state_;
};

}  // namespace spillway
