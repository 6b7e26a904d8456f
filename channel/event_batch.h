// EventBatch: events encoded back to back, the unit of copying, logging and delivery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "channel/event.h"
#include "wal/base/bytes.h"
#include "wal/base/raw_bytes.h"
#include "wal/base/result.h"
#include "wal/bookmark.h"

namespace spillway::channel {

/// Owns its bytes. Not thread-safe. Encoding happens here, in the producer's thread and outside
/// any lock; the log writes these bytes and the consumer reads them, both without re-encoding.
class EventBatch {
 public:
  EventBatch() = default;

  /// Appends one event. Keys must be unique; the last one wins for nobody, so callers check.
  void add(std::span<const HeaderView> headers, std::string_view body);
  void add(std::string_view body) { add({}, body); }

  /// Appends an event that is already encoded (copied from another batch).
  void add(const EventView& event);

  /// Forgets the events and the bookmark, keeps the memory.
  void clear();

  /// Where whoever puts the batch goes on behind it: kept with the events by channels that keep
  /// bookmarks (Channel::bookmark). `key` is not empty and nobody else's.
  void set_bookmark(wal::BookmarkView bookmark);
  [[nodiscard]] std::optional<wal::BookmarkView> bookmark() const;

  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] bool is_empty() const { return places_.empty(); }

  /// Constant time: nothing is decoded.
  [[nodiscard]] EventView operator[](std::size_t index) const;

  /// Sum of the encoded events, with the length prefix of each.
  [[nodiscard]] std::size_t encoded_bytes() const { return buffer_.size(); }

  /// The wire form of `repeated bytes entry = 1` (wal/record.proto, Put).
  [[nodiscard]] ByteSpan entries() const { return buffer_.span(); }

 private:
  struct Place {
    std::size_t event_begin = 0;  // offset of the encoded event, behind its length prefix
    std::size_t event_end = 0;
    std::size_t body_begin = 0;  // the body ends with the event; or kBodyElsewhere
  };

  // A foreign encoder may put fields behind the body; such an event is decoded when it is read.
  static constexpr std::size_t kBodyElsewhere = SIZE_MAX;

  void add_place(std::size_t event_begin, std::size_t body_begin);

  RawBytes buffer_;  // ends with the last event
  std::vector<Place> places_;
  wal::Bookmark bookmark_;  // without a key: none
};

}  // namespace spillway::channel
