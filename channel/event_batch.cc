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
  places_.push_back({.event_begin = begin + prefix,
                     .event_end = buffer_.size(),
                     .body_begin = buffer_.size() - body.size()});
}

void EventBatch::add(const EventView& event) {
  const ByteSpan encoded = event.encoded();
  const std::size_t begin = buffer_.size();
  buffer_.resize(begin + wire::field_bytes(encoded.size()));
  wire::write_field(buffer_.data() + begin, kEntryField, encoded);
  const std::string_view body = event.body();
  const bool is_body_last =
      body.empty() || body.data() + body.size() == as_text(encoded).data() + encoded.size();
  places_.push_back({.event_begin = buffer_.size() - encoded.size(),
                     .event_end = buffer_.size(),
                     .body_begin = is_body_last ? buffer_.size() - body.size() : kBodyElsewhere});
}

void EventBatch::clear() {
  buffer_.clear();
  places_.clear();
}

EventView EventBatch::operator[](std::size_t index) const {
  CHECK(index < places_.size());
  const Place& place = places_[index];
  const ByteSpan encoded =
      ByteSpan(buffer_).subspan(place.event_begin, place.event_end - place.event_begin);
  if (place.body_begin == kBodyElsewhere) return EventView::parse(encoded).value();  // seen before
  return {encoded, as_text(encoded.subspan(place.body_begin - place.event_begin))};
}

}  // namespace spillway::channel
