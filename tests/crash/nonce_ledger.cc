#include "tests/crash/nonce_ledger.h"

#include <fmt/core.h>

#include <set>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/segment_header.h"

namespace spillway::test {

void NonceLedger::note(const SimDisk& disk) {
  for (const std::string& path : disk.paths()) {
    if (path.ends_with(".seg")) note(path, disk.contents(path));
  }
}

void NonceLedger::note(const std::string& path, ByteSpan slot) {
  if (slot.size() < wal::kSegmentDataOffset) return;
  const auto segment = wal::decode_segment_header(slot.first(wal::kSegmentDataOffset));
  if (!segment || segment->key_id == 0) return;
  for (std::size_t at = wal::kSegmentDataOffset; at + wal::kBlockHeaderBytes <= slot.size();
       at += wal::kBlockAlignBytes) {
    const auto block = load_le<wal::BlockHeader>(slot.data() + at);
    // Blocks of an earlier use of the slot were noted when its header was there.
    const bool is_of_segment = block.magic == wal::kBlockMagic &&
                               block.segment_nonce == segment->nonce &&
                               (block.flags & wal::kEncryptedFlag) != 0;
    if (!is_of_segment) continue;
    const Pair pair{.master_key = segment->key_id,
                    .channel = segment->channel_id,
                    .segment = segment->number,
                    .segment_nonce = segment->nonce,
                    .lsn = block.lsn};
    const auto known = contents_.emplace(pair, block.hash).first;
    if (known->second == block.hash || !reused_.empty()) continue;
    reused_ = fmt::format("LSN {} of segment {} (key {:x}, nonce {:x}), now in {}", block.lsn,
                          segment->number, segment->key_id, segment->nonce, path);
  }
}

std::size_t NonceLedger::key_count() const {
  std::set<wal::KeyId> keys;
  for (const auto& content : contents_) keys.insert(content.first.master_key);
  return keys.size();
}

}  // namespace spillway::test
