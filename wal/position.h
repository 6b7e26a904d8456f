// Strong types for places in the log; docs/architecture.md, "Vocabulary".
#pragma once

#include <compare>
#include <cstdint>

namespace spillway::wal {

/// A number that only mixes with its own kind; a difference is a plain count.
template <class Tag>
struct StrongNumber {
  std::uint64_t value = 0;

  friend constexpr auto operator<=>(StrongNumber, StrongNumber) = default;
  friend constexpr StrongNumber operator+(StrongNumber a, std::uint64_t n) { return {a.value + n}; }
  friend constexpr std::uint64_t operator-(StrongNumber a, StrongNumber b) {
    return a.value - b.value;
  }
  constexpr StrongNumber& operator+=(std::uint64_t n) {
    value += n;
    return *this;
  }
};

/// Byte address in the endless log; every commit block starts at one.
using Lsn = StrongNumber<struct LsnTag>;

/// Ordinal of an entry since the log was created; the first entry has sequence 1.
using Sequence = StrongNumber<struct SequenceTag>;

/// Ordinal of a segment since the log was created; the first segment is 1.
using SegmentNumber = StrongNumber<struct SegmentNumberTag>;

// LSNs, sequences and the numbers of segments stay below, so that their sums with sizes and counts
// never wrap around. Whatever names a higher one was not written by us: 4 EiB are not written.
inline constexpr std::uint64_t kPositionEnd = std::uint64_t{1} << 62U;

/// Half-open range of sequences.
struct SequenceRange {
  Sequence first;
  Sequence end;  // >= first

  friend constexpr bool operator==(const SequenceRange&, const SequenceRange&) = default;
  [[nodiscard]] constexpr std::uint64_t count() const { return end - first; }
  [[nodiscard]] constexpr bool is_empty() const { return first == end; }
};

}  // namespace spillway::wal
