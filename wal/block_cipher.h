// Encryption of commit blocks: AES-256-GCM under a key of each segment's own. Normative:
// docs/format.md, "Encryption"; why no nonce can come twice: docs/decisions/0301-encryption.md.
//
// The only code of the log that knows OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "wal/base/bytes.h"
#include "wal/block.h"
#include "wal/key_ring.h"
#include "wal/segment.h"

namespace spillway::wal {

/// Encrypts and decrypts the blocks of one segment. Not thread-safe.
class BlockCipher {
 public:
  /// For `segment`, whose key is `key`.
  BlockCipher(const MasterKey& key, const ChannelId& channel, const Segment& segment);
  BlockCipher(const BlockCipher&) = delete;
  BlockCipher& operator=(const BlockCipher&) = delete;
  ~BlockCipher();

  /// Encrypts `payload` into `block`, where it is to stand behind the header, with the tag behind
  /// it; seal_block() has to follow. `header` is complete but for flag and hash; its payload_bytes
  /// count the tag. Addresses must rise from call to call: each is a nonce.
  void encrypt(ByteSpan payload, BlockHeader& header, MutableByteSpan block);

  /// Decrypts the payload of the intact `block` into `payload`, which has the room of its bytes
  /// without the tag. False: the block was not written with this key, or has been forged.
  [[nodiscard]] bool decrypt(ByteSpan block, const BlockHeader& header, MutableByteSpan payload);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
  std::uint64_t next_lsn_ = 0;  // addresses below may have been used
};

/// nullptr for a segment in plain text, and when `keys` (may be nullptr) lacks its key.
std::unique_ptr<BlockCipher> cipher_of(const KeyRing* keys, const ChannelId& channel,
                                       const Segment& segment);

/// One-way, never 0.
KeyId make_key_id(ByteSpan secret);

/// False when OpenSSL is configured without the algorithms.
bool is_block_cipher_available();

/// Overwrites secret bytes; the compiler does not leave it out.
void wipe(MutableByteSpan secret);

}  // namespace spillway::wal
