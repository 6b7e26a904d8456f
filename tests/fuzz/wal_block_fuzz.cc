// Fuzz target: bytes where a commit block is expected. What is taken for a block is one by every
// byte: its place, its hash, and a payload that the generated code reads in the same way.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "channel/event.h"
#include "tests/fuzz/stored_mutator.h"
#include "wal/base/check.h"
#include "wal/block.h"
#include "wal/block_payload.h"
#include "wal/record.pb.h"

namespace spillway {
namespace {

void check_payload(ByteSpan payload, std::uint64_t entry_count) {
  const bool is_valid = wal::is_payload_valid(payload, entry_count);
  wal::pb::Payload message;
  const bool is_message = message.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
  CHECK(is_message || !is_valid);
  std::uint64_t entries_seen = 0;
  int puts_seen = 0;
  int acks_seen = 0;
  int bookmarks_seen = 0;
  wal::PayloadReader records(payload);
  while (const auto record = records.next()) {
    if (record->kind == wal::PayloadReader::Record::Kind::kAck) {
      CHECK(record->ack.first <= record->ack.end);
      if (is_valid) CHECK(message.ack(acks_seen).first() == record->ack.first.value);
      if (is_valid) CHECK(message.ack(acks_seen).count() == record->ack.count());
      ++acks_seen;
      continue;
    }
    if (record->kind == wal::PayloadReader::Record::Kind::kBookmark) {
      CHECK(record->bookmark.is_possible());
      if (is_valid) CHECK(message.bookmark(bookmarks_seen).key() == record->bookmark.key);
      if (is_valid) CHECK(message.bookmark(bookmarks_seen).value() == record->bookmark.value);
      ++bookmarks_seen;
      continue;
    }
    int in_put = 0;
    wal::EntryReader entries(record->entries);
    while (const auto entry = entries.next()) {
      if (is_valid) CHECK(as_text(*entry) == message.put(puts_seen).entry(in_put));
      const auto event = channel::EventView::parse(*entry);
      if (event.has_value()) CHECK(event.value().encoded().size() == entry->size());
      ++in_put;
      ++entries_seen;
    }
    ++puts_seen;
  }
  if (!is_valid) return;
  CHECK(entries_seen == entry_count);
  CHECK(puts_seen == message.put_size());
  CHECK(acks_seen == message.ack_size());
}

void check_block(ByteSpan input) {
  const std::uint64_t seed = wal::hash_seed(test::kLoneBlockChannel);
  std::vector<std::byte> bytes(std::max<std::uint64_t>(
      align_up(input.size(), wal::kBlockAlignBytes), wal::kBlockAlignBytes));
  std::copy(input.begin(), input.end(), bytes.begin());
  const auto claimed = load_le<wal::BlockHeader>(bytes.data());
  wal::BlockPlace place{.nonce = claimed.segment_nonce,
                        .lsn = {claimed.lsn},
                        .bytes_max = bytes.size(),
                        .seed = seed,
                        .is_encrypted = (claimed.flags & wal::kEncryptedFlag) != 0};
  wal::BlockHeader header;
  const wal::BlockState state = wal::check_block_header(bytes, place, header);
  CHECK(state != wal::BlockState::kBlank);

  // Never a block at another place.
  wal::BlockPlace other = place;
  other.lsn = place.lsn + wal::kBlockAlignBytes;
  CHECK(wal::check_block_header(bytes, other, header) == wal::BlockState::kDamaged);
  other = place;
  other.nonce = ~place.nonce;
  CHECK(wal::check_block_header(bytes, other, header) == wal::BlockState::kBlank);

  check_payload(input, claimed.entry_count);  // as if it were nothing but a payload
  if (state != wal::BlockState::kValid) return;
  CHECK(wal::block_bytes(header.payload_bytes) <= bytes.size());
  const ByteSpan whole = ByteSpan(bytes).first(wal::block_bytes(header.payload_bytes));
  if (!wal::is_block_intact(whole, header, seed)) return;
  CHECK(!wal::is_block_intact(whole, header, ~seed));
  check_payload(whole.subspan(wal::kBlockHeaderBytes, header.payload_bytes), header.entry_count);
  std::vector<std::byte> again(whole.begin(), whole.end());
  wal::BlockHeader sealed = header;
  wal::seal_block(again, sealed, seed);
  CHECK(sealed.hash == header.hash);
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::check_block(std::as_bytes(std::span(data, size)));
  return 0;
}
