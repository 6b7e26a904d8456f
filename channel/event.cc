#include "channel/event.h"

#include "channel/event.pb.h"
#include "wal/base/wire.h"

namespace spillway::channel {
namespace {

constexpr auto kHeadersField = static_cast<std::uint32_t>(pb::Event::kHeadersFieldNumber);
constexpr auto kBodyField = static_cast<std::uint32_t>(pb::Event::kBodyFieldNumber);
constexpr auto kKeyField = static_cast<std::uint32_t>(pb::Header::kKeyFieldNumber);
constexpr auto kValueField = static_cast<std::uint32_t>(pb::Header::kValueFieldNumber);
static_assert(kHeadersField == 1 && kBodyField == 2 && kKeyField == 1 && kValueField == 2,
              "event.h reads them by these numbers");

// False when the bytes are not a Header message.
bool parse_header(ByteSpan encoded, HeaderView& header) {
  wire::Reader reader(encoded);
  while (true) {
    ByteSpan bytes;  // the usual order first
    if (reader.next_bytes(kKeyField, bytes)) header.key = as_text(bytes);
    if (reader.next_bytes(kValueField, bytes)) header.value = as_text(bytes);
    const auto field = reader.next();
    if (!field) return reader.is_valid();
    if (field->type != wire::Type::kBytes) continue;
    if (field->number == kKeyField) header.key = as_text(field->bytes);
    if (field->number == kValueField) header.value = as_text(field->bytes);
  }
}

}  // namespace

Result<EventView> EventView::parse(ByteSpan encoded) {
  EventView event;
  event.encoded_ = encoded;
  wire::Reader reader(encoded);
  while (true) {
    ByteSpan body;
    if (reader.next_bytes(kBodyField, body)) {
      event.body_ = as_text(body);
      continue;
    }
    const auto field = reader.next();
    if (!field) break;
    if (field->type != wire::Type::kBytes) continue;
    if (field->number == kBodyField) event.body_ = as_text(field->bytes);
    HeaderView header;
    if (field->number == kHeadersField && !parse_header(field->bytes, header)) {
      return Error{.code = Errc::kCorrupt, .what = "event header is not a valid message"};
    }
  }
  if (!reader.is_valid()) {
    return Error{.code = Errc::kCorrupt,
                 .what = "event is not a valid message",
                 .at = static_cast<std::uint64_t>(reader.position() - encoded.data())};
  }
  return event;
}

std::optional<std::string_view> EventView::header(std::string_view key) const {
  std::size_t at = 0;
  HeaderView header;
  while (next_header(at, header)) {
    if (header.key == key) return header.value;
  }
  return std::nullopt;
}

bool EventView::next_any_header(std::size_t& at, HeaderView& header) const {
  wire::Reader reader(encoded_.subspan(at));
  while (true) {
    ByteSpan bytes;
    if (!reader.next_bytes(kHeadersField, bytes)) {
      if (reader.next_bytes(kBodyField, bytes)) continue;  // mostly the last one
      const auto field = reader.next();
      if (!field) return false;
      if (field->number != kHeadersField || field->type != wire::Type::kBytes) continue;
      bytes = field->bytes;
    }
    at = static_cast<std::size_t>(reader.position() - encoded_.data());
    header = {};
    CHECK(parse_header(bytes, header));  // parse() has seen these bytes
    return true;
  }
}

}  // namespace spillway::channel
