#include "wal/block_payload.h"

#include <array>

#include "wal/record.pb.h"

namespace spillway::wal {
namespace {

constexpr auto kPutField = static_cast<std::uint32_t>(pb::Payload::kPutFieldNumber);
constexpr auto kAckField = static_cast<std::uint32_t>(pb::Payload::kAckFieldNumber);
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

}  // namespace

std::byte* write_put(std::byte* to, ByteSpan entries) {
  return wire::write_field(to, kPutField, entries);
}

std::byte* write_ack(std::byte* to, SequenceRange range) {
  std::array<std::byte, kAckBytesMax> message;
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
    if (field->number != kAckField) continue;
    Record record{.kind = Record::Kind::kAck};
    if (!parse_range(field->bytes, record.ack)) {
      is_valid_ = false;
      return std::nullopt;
    }
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
