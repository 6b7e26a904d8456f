// Numbered syslog lines of 500 bytes: what is sent to every collector, and how what it wrote is
// checked. A line says which connection it came by and its number; its other bytes follow from the
// number, so that one that is lost, doubled, cut or mixed up is found.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::bench {

inline constexpr std::size_t kLineBytes = 500;  // with the newline
inline constexpr std::size_t kConnectionsMax = 100;
inline constexpr std::uint64_t kLinesMax = 10'000'000'000;  // ten digits

/// The lines of one connection, in blocks of a size that stays in the processor's cache: only the
/// numbers change from block to block.
class LineBlocks {
 public:
  /// Lines `first` to `end` - 1. `connection` is below kConnectionsMax, `end` at most kLinesMax.
  LineBlocks(std::size_t connection, std::uint64_t first, std::uint64_t end);

  /// What is to be sent next; empty when everything was. Valid until consume().
  [[nodiscard]] std::string_view rest() const { return rest_; }

  /// The first `bytes` of rest() were sent.
  void consume(std::size_t bytes);

 private:
  void begin_block();

  std::uint64_t next_;  // of the next block
  const std::uint64_t end_;
  std::string block_;
  std::string_view rest_;
};

/// Appends one line.
void append_line(std::size_t connection, std::uint64_t number, std::string& out);

/// Reads what a collector wrote, in pieces of any size.
class LineChecker {
 public:
  /// Lines 0 to `lines` - 1 are expected.
  explicit LineChecker(std::uint64_t lines) : seen_(lines, false), last_(kConnectionsMax, -1) {}

  void feed(std::string_view piece);
  /// The end of a file: what follows is another one.
  void finish();

  [[nodiscard]] std::uint64_t good() const { return good_; }
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }
  /// Lines behind one of the same connection with a higher number.
  [[nodiscard]] std::uint64_t disordered() const { return disordered_; }
  /// Lines that were never sent like that.
  [[nodiscard]] std::uint64_t wrong() const { return wrong_; }
  [[nodiscard]] std::uint64_t missing() const { return seen_.size() - good_; }

 private:
  void check(std::string_view line);

  std::vector<bool> seen_;
  std::vector<std::int64_t> last_;  // number seen last, by connection
  std::string rest_;                // an unfinished line
  std::string expected_;            // scratch
  std::uint64_t good_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t disordered_ = 0;
  std::uint64_t wrong_ = 0;
};

}  // namespace spillway::bench
