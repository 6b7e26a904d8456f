#include "channel/event_batch.h"

#include "channel/event.pb.h"
#include "wal/base/check.h"
#include "wal/base/wire.h"

namespace spillway::channel {
namespace {

constexpr auto kHeadersField = static_cast<std::uint32_t>(pb::Event::kHeadersFieldNumber);
constexpr auto kBodyField = static_cast<std::uint32_t>(pb::Event::kBodyFieldNumber);
constexpr auto kKeyField = static_cast<std::uint32_t>(pb::Header::kKeyFieldNumber);
constexpr auto kValueField = static_cast<std::uint32_t>(pb::Header::kValueFieldNumber);
constexpr std::uint32_t kEntryField = 1;  // wal/record.proto, Put.entry; checked by a test

// proto3 leaves out empty scalar fields.
std::size_t optional_field_bytes(std::size_t length) {
  return length == 0 ? 0 : wire::field_bytes(length);
}

std::byte* write_optional_field(std::byte* to, std::uint32_t field, std::string_view text) {
  return text.empty() ? to : wire::write_field(to, field, as_bytes(text));
}

std::size_t header_bytes(const HeaderView& header) {
  return optional_field_bytes(header.key.size()) + optional_field_bytes(header.value.size());
}

}  // namespace

void EventBatch::add(std::span<const HeaderView> headers, std::string_view body) {
  std::size_t event_bytes = optional_field_bytes(body.size());
  for (const HeaderView& header : headers) event_bytes += wire::field_bytes(header_bytes(header));

  const std::size_t begin = buffer_.size();
  const std::size_t prefix = wire::field_bytes(event_bytes) - event_bytes;
  buffer_.resize(begin + prefix + event_bytes);
  std::byte* to = wire::write_field_header(buffer_.data() + begin, kEntryField, event_bytes);
  for (const HeaderView& header : headers) {
    to = wire::write_field_header(to, kHeadersField, header_bytes(header));
    to = write_optional_field(to, kKeyField, header.key);
    to = write_optional_field(to, kValueField, header.value);
  }
  to = write_optional_field(to, kBodyField, body);
  CHECK(to == buffer_.data() + buffer_.size());
  add_place(begin + prefix, buffer_.size() - body.size());
}

void EventBatch::add(const EventView& event) {
  const ByteSpan encoded = event.encoded();
  const std::size_t begin = buffer_.size();
  buffer_.resize(begin + wire::field_bytes(encoded.size()));
  wire::write_field(buffer_.data() + begin, kEntryField, encoded);
  const std::string_view body = event.body();
  const bool is_body_last =
      body.empty() || body.data() + body.size() == as_text(encoded).data() + encoded.size();
  add_place(buffer_.size() - encoded.size(),
            is_body_last ? buffer_.size() - body.size() : kBodyElsewhere);
}

// Field by field: copying a whole Place that has just been written waits until the stores of the
// body have left the processor (a seventh of the time of a put of 100 events).
void EventBatch::add_place(std::size_t event_begin, std::size_t body_begin) {
  Place& place = places_.emplace_back();
  place.event_begin = event_begin;
  place.event_end = buffer_.size();
  place.body_begin = body_begin;
}

void EventBatch::clear() {
  buffer_.resize(0);
  places_.clear();
  bookmark_.key.clear();
}

void EventBatch::set_bookmark(wal::BookmarkView bookmark) {
  bookmark_.key = bookmark.key;
  bookmark_.value = bookmark.value;
}

std::optional<wal::BookmarkView> EventBatch::bookmark() const {
  if (bookmark_.key.empty()) return std::nullopt;
  return bookmark_.view();
}

EventView EventBatch::operator[](std::size_t index) const {
  CHECK(index < places_.size());
  const Place& place = places_[index];
  const ByteSpan encoded =
      buffer_.span().subspan(place.event_begin, place.event_end - place.event_begin);
  if (place.body_begin == kBodyElsewhere) return EventView::parse(encoded).value();  // seen before
  return {encoded, as_text(encoded.subspan(place.body_begin - place.event_begin))};
}

}  // namespace spillway::channel
