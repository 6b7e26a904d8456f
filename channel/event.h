// Event: headers and a body, read in place from its encoded form (channel/event.proto).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "wal/base/bytes.h"
#include "wal/base/result.h"
#include "wal/base/wire.h"

namespace spillway::channel {

struct HeaderView {
  std::string_view key;
  std::string_view value;

  friend bool operator==(const HeaderView&, const HeaderView&) = default;
};

/// A view over one encoded spillway.channel.pb.Event; copies are cheap. Valid as long as the bytes
/// live: inside deliver() for a sink, as long as the EventBatch for everybody else.
class EventView {
 public:
  EventView() = default;

  /// Checks the whole encoding once; every accessor below relies on it. kCorrupt otherwise.
  static Result<EventView> parse(ByteSpan encoded);

  [[nodiscard]] std::string_view body() const { return body_; }
  [[nodiscard]] ByteSpan encoded() const { return encoded_; }

  /// Calls `visit(HeaderView)` for each header in order.
  template <class Visit>
  void for_each_header(Visit&& visit) const {
    std::size_t at = 0;
    HeaderView header;
    while (next_header(at, header)) visit(header);
  }

  /// The value of header `key`, or nullopt.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view key) const;

 private:
  friend class EventBatch;  // knows where it has put the body

  EventView(ByteSpan encoded, std::string_view body) : encoded_(encoded), body_(body) {}

  /// Reads the header at or after `at` and moves `at` behind it; false when there is none left.
  bool next_header(std::size_t& at, HeaderView& header) const {
    if (next_short_header(at, header)) return true;
    return !is_at_body(at) && next_any_header(at, header);
  }
  /// Whether nothing but the body follows, as nearly always behind the last header.
  [[nodiscard]] bool is_at_body(std::size_t at) const {
    constexpr auto kBody = static_cast<std::byte>(wire::tag(2, wire::Type::kBytes));
    return encoded_.size() - at == wire::field_bytes(body_.size()) && encoded_[at] == kBody;
  }
  bool next_short_header(std::size_t& at, HeaderView& header) const;
  bool next_any_header(std::size_t& at, HeaderView& header) const;

  ByteSpan encoded_;
  std::string_view body_;
};

/// The form nearly every header has, a key and a value with lengths of one byte each, is read in
/// place: a source, an interceptor, a selector and a sink each walk the headers of every event.
inline bool EventView::next_short_header(std::size_t& at, HeaderView& header) const {
  constexpr auto kFirst = static_cast<std::byte>(wire::tag(1, wire::Type::kBytes));
  constexpr auto kSecond = static_cast<std::byte>(wire::tag(2, wire::Type::kBytes));
  constexpr std::size_t kLong = 0x80;
  const std::byte* const field = encoded_.data() + at;
  const std::size_t rest = encoded_.size() - at;
  if (rest < 6 || field[0] != kFirst || field[2] != kFirst) return false;
  const auto bytes = static_cast<std::size_t>(field[1]);
  const auto key_bytes = static_cast<std::size_t>(field[3]);
  if (bytes >= kLong || bytes > rest - 2 || key_bytes + 4 > bytes) return false;
  const std::byte* const value = field + 4 + key_bytes;
  const auto value_bytes = static_cast<std::size_t>(value[1]);
  if (value[0] != kSecond || key_bytes + value_bytes + 4 != bytes) return false;
  header.key = as_text(ByteSpan(field + 4, key_bytes));
  header.value = as_text(ByteSpan(value + 2, value_bytes));
  at += 2 + bytes;
  return true;
}

}  // namespace spillway::channel
