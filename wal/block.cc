#include "wal/block.h"

#include <algorithm>

#include "wal/base/check.h"
#include "wal/base/hash.h"

namespace spillway::wal {
namespace {

constexpr std::size_t kHashedHeaderBytes = offsetof(BlockHeader, hash);

std::uint64_t block_hash(ByteSpan bytes, std::uint32_t payload_bytes, std::uint64_t seed) {
  return xxh3_64(bytes.first(kHashedHeaderBytes), bytes.subspan(kBlockHeaderBytes, payload_bytes),
                 seed);
}

}  // namespace

std::uint64_t hash_seed(const ChannelId& id) {
  return load_le<std::uint64_t>(id.data()) ^ load_le<std::uint64_t>(id.data() + 8);
}

void seal_block(MutableByteSpan bytes, BlockHeader& header, std::uint64_t seed) {
  CHECK(bytes.size() == block_bytes(header.payload_bytes));
  const auto padding = bytes.subspan(kBlockHeaderBytes + header.payload_bytes);
  std::fill(padding.begin(), padding.end(), std::byte{0});
  store_le(bytes.data(), header);
  header.hash = block_hash(bytes, header.payload_bytes, seed);
  store_le(bytes.data() + kHashedHeaderBytes, header.hash);
}

BlockState check_block_header(ByteSpan bytes, const BlockPlace& place, BlockHeader& header) {
  CHECK(bytes.size() >= kBlockHeaderBytes);
  header = load_le<BlockHeader>(bytes.data());
  if (header.segment_nonce != place.nonce) return BlockState::kBlank;
  const bool is_sound = header.magic == kBlockMagic && header.version == kBlockVersion &&
                        (header.flags & ~kKnownBlockFlags) == 0 && header.lsn == place.lsn.value &&
                        header.durable_lsn <= header.lsn && header.first_sequence < kPositionEnd &&
                        ((header.flags & kEncryptedFlag) != 0) == place.is_encrypted &&
                        (!place.is_encrypted || header.payload_bytes >= kBlockTagBytes) &&
                        block_bytes(header.payload_bytes) <= place.bytes_max;
  return is_sound ? BlockState::kValid : BlockState::kDamaged;
}

bool is_block_intact(ByteSpan bytes, const BlockHeader& header, std::uint64_t seed) {
  CHECK(bytes.size() >= block_bytes(header.payload_bytes));
  return block_hash(bytes, header.payload_bytes, seed) == header.hash;
}

}  // namespace spillway::wal
