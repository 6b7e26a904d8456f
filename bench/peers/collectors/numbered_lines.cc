#include "bench/peers/collectors/numbered_lines.h"

#include <algorithm>
#include <charconv>

#include "wal/base/check.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kBlockLines = 256;  // 125 KiB; also how many different fillings there are
constexpr std::string_view kHead = "<134>Nov 23 01:02:03 web1 app: c=";
constexpr std::string_view kBeforeNumber = " n=";
constexpr std::size_t kConnectionAt = kHead.size();
constexpr std::size_t kConnectionDigits = 2;
constexpr std::size_t kNumberAt = kConnectionAt + kConnectionDigits + kBeforeNumber.size();
constexpr std::size_t kNumberDigits = 10;
constexpr std::string_view kFilling =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ";

void write_digits(std::uint64_t number, std::size_t count, char* to) {
  for (std::size_t i = count; i > 0; --i) {
    to[i - 1] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
}

bool read_digits(std::string_view text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void append_line(std::size_t connection, std::uint64_t number, std::string& out) {
  CHECK(connection < kConnectionsMax && number < kLinesMax);
  const std::size_t begin = out.size();
  out += kHead;
  out.append(kConnectionDigits, '0');
  out += kBeforeNumber;
  out.append(kNumberDigits, '0');
  out += ' ';
  write_digits(connection, kConnectionDigits, out.data() + begin + kConnectionAt);
  write_digits(number, kNumberDigits, out.data() + begin + kNumberAt);
  std::size_t at = number % kBlockLines * 31;
  while (out.size() < begin + kLineBytes - 1) out += kFilling[at++ % kFilling.size()];
  out += '\n';
}

LineBlocks::LineBlocks(std::size_t connection, std::uint64_t first, std::uint64_t end)
    : next_(first), end_(end) {
  CHECK(first <= end && end <= kLinesMax);
  for (std::uint64_t i = 0; i < kBlockLines; ++i) append_line(connection, i, block_);
  begin_block();
}

void LineBlocks::consume(std::size_t bytes) {
  rest_.remove_prefix(bytes);
  if (rest_.empty()) begin_block();
}

// A line lies in the block where its filling is.
void LineBlocks::begin_block() {
  const std::uint64_t slot = next_ % kBlockLines;
  const std::uint64_t count = std::min(kBlockLines - slot, end_ - next_);
  for (std::uint64_t i = 0; i < count; ++i) {
    write_digits(next_ + i, kNumberDigits, block_.data() + (slot + i) * kLineBytes + kNumberAt);
  }
  next_ += count;
  rest_ = std::string_view(block_).substr(slot * kLineBytes, count * kLineBytes);
}

void LineChecker::feed(std::string_view piece) {
  if (!rest_.empty()) {
    const std::size_t newline = piece.find('\n');
    const std::string_view end = piece.substr(0, newline);
    if (newline == std::string_view::npos) {
      rest_ += end;
      return;
    }
    rest_ += end;
    check(rest_);
    rest_.clear();
    piece.remove_prefix(newline + 1);
  }
  std::size_t newline = 0;
  while ((newline = piece.find('\n')) != std::string_view::npos) {
    check(piece.substr(0, newline));
    piece.remove_prefix(newline + 1);
  }
  rest_ = piece;
}

void LineChecker::finish() {
  if (!rest_.empty()) ++wrong_;
  rest_.clear();
}

void LineChecker::check(std::string_view line) {
  std::uint64_t connection = 0;
  std::uint64_t number = 0;
  if (line.size() != kLineBytes - 1 ||
      !read_digits(line.substr(kConnectionAt, kConnectionDigits), connection) ||
      !read_digits(line.substr(kNumberAt, kNumberDigits), number) || number >= seen_.size()) {
    ++wrong_;
    return;
  }
  expected_.clear();
  append_line(connection, number, expected_);
  if (line != std::string_view(expected_).substr(0, kLineBytes - 1)) {
    ++wrong_;
    return;
  }
  if (seen_[number]) {
    ++repeated_;
    return;
  }
  seen_[number] = true;
  ++good_;
  if (last_[connection] > static_cast<std::int64_t>(number)) ++disordered_;
  last_[connection] = static_cast<std::int64_t>(number);
}

}  // namespace spillway::bench
