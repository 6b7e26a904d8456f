#include "wal/block_payload.h"

#include <array>

#include "wal/record.pb.h"

namespace spillway::wal {
namespace {

constexpr auto kPutField = static_cast<std::uint32_t>(pb::Payload::kPutFieldNumber);
constexpr auto kAckField = static_cast<std::uint32_t>(pb::Payload::kAckFieldNumber);
constexpr auto kBookmarkField = static_cast<std::uint32_t>(pb::Payload::kBookmarkFieldNumber);
constexpr auto kKeyField = static_cast<std::uint32_t>(pb::Bookmark::kKeyFieldNumber);
constexpr auto kValueField = static_cast<std::uint32_t>(pb::Bookmark::kValueFieldNumber);
constexpr auto kEntryField = static_cast<std::uint32_t>(pb::Put::kEntryFieldNumber);
constexpr auto kFirstField = static_cast<std::uint32_t>(pb::Range::kFirstFieldNumber);
constexpr auto kCountField = static_cast<std::uint32_t>(pb::Range::kCountFieldNumber);

std::byte* write_number(std::byte* to, std::uint32_t field, std::uint64_t value) {
  if (value == 0) return to;  // proto3 leaves out zeros
  *to++ = static_cast<std::byte>(wire::tag(field, wire::Type::kVarint));
  return wire::write_varint(to, value);
}

// False when the bytes are not a Range or the range wraps around.
bool parse_range(ByteSpan bytes, SequenceRange& range) {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
  wire::Reader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->type != wire::Type::kVarint) continue;
    if (field->number == kFirstField) first = field->value;
    if (field->number == kCountField) count = field->value;
  }
  if (!reader.is_valid() || count > UINT64_MAX - first) return false;
  range = {.first = {first}, .end = {first + count}};
  return true;
}

// Of the message; proto3 leaves out an empty value.
std::uint64_t bookmark_message_bytes(BookmarkView bookmark) {
  const std::uint64_t value_bytes =
      bookmark.value.empty() ? 0 : wire::field_bytes(bookmark.value.size());
  return wire::field_bytes(bookmark.key.size()) + value_bytes;
}

// False when the bytes are no Bookmark that we would write.
bool parse_bookmark(ByteSpan bytes, BookmarkView& bookmark) {
  wire::Reader reader(bytes);
  while (const auto field = reader.next()) {
    if (field->type != wire::Type::kBytes) continue;
    if (field->number == kKeyField) bookmark.key = as_text(field->bytes);
    if (field->number == kValueField) bookmark.value = as_text(field->bytes);
  }
  return reader.is_valid() && bookmark.is_possible();
}

}  // namespace

std::uint64_t bookmark_bytes(BookmarkView bookmark) {
  return wire::field_bytes(bookmark_message_bytes(bookmark));
}

std::byte* write_bookmark(std::byte* to, BookmarkView bookmark) {
  to = wire::write_field_header(to, kBookmarkField, bookmark_message_bytes(bookmark));
  to = wire::write_field(to, kKeyField, as_bytes(bookmark.key));
  return bookmark.value.empty() ? to : wire::write_field(to, kValueField, as_bytes(bookmark.value));
}

std::byte* write_put(std::byte* to, ByteSpan entries) {
  return wire::write_field(to, kPutField, entries);
}

std::byte* write_ack(std::byte* to, SequenceRange range) {
  std::array<std::byte, kAckBytesMax> message{};
  std::byte* end = write_number(message.data(), kFirstField, range.first.value);
  end = write_number(end, kCountField, range.count());
  return wire::write_field(to, kAckField,
                           {message.data(), static_cast<std::size_t>(end - message.data())});
}

std::optional<PayloadReader::Record> PayloadReader::next() {
  while (const auto field = reader_.next()) {
    if (field->type != wire::Type::kBytes) continue;
    if (field->number == kPutField)
      return Record{.kind = Record::Kind::kPut, .entries = field->bytes};
    Record record;
    if (field->number == kAckField) {
      record.kind = Record::Kind::kAck;
      is_valid_ = parse_range(field->bytes, record.ack);
    } else if (field->number == kBookmarkField) {
      record.kind = Record::Kind::kBookmark;
      is_valid_ = parse_bookmark(field->bytes, record.bookmark);
    } else {
      continue;
    }
    if (!is_valid_) return std::nullopt;
    return record;
  }
  return std::nullopt;
}

std::optional<ByteSpan> EntryReader::next() {
  ByteSpan entry;
  if (reader_.next_bytes(kEntryField, entry)) return entry;
  while (const auto field = reader_.next()) {
    if (field->type == wire::Type::kBytes && field->number == kEntryField) return field->bytes;
  }
  return std::nullopt;
}

bool is_payload_valid(ByteSpan payload, std::uint64_t entry_count) {
  std::uint64_t seen = 0;
  PayloadReader records(payload);
  while (const auto record = records.next()) {
    if (record->kind != PayloadReader::Record::Kind::kPut) continue;
    EntryReader entries(record->entries);
    while (entries.next()) ++seen;
    if (!entries.is_valid()) return false;
  }
  return records.is_valid() && seen == entry_count;
}

}  // namespace spillway::wal
