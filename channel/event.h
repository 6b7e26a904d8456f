// Event: headers and a body, read in place from its encoded form (channel/event.proto).
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string_view>

#include "wal/base/bytes.h"
#include "wal/base/result.h"

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
    while (const auto header = next_header(at)) visit(*header);
  }

  /// The value of header `key`, or nullopt.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view key) const;

 private:
  friend class EventBatch;  // knows where it has put the body

  EventView(ByteSpan encoded, std::string_view body) : encoded_(encoded), body_(body) {}

  /// Reads the header at or after `at` and moves `at` behind it; nullopt when there is none left.
  std::optional<HeaderView> next_header(std::size_t& at) const;

  ByteSpan encoded_;
  std::string_view body_;
};

}  // namespace spillway::channel
