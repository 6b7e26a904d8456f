// Which nonces a simulated disk has seen under which keys: no pair may stand for two contents.
// Why none can: docs/decisions/0301-encryption.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "tests/support/sim_disk.h"
#include "wal/block.h"
#include "wal/key_ring.h"

namespace spillway::test {

/// A copy goes on for itself: one per future of a disk.
class NonceLedger {
 public:
  /// Notes the encrypted blocks that lie in the slot files, as the running system reads them,
  /// whether they are durable or not: who has the disk may have seen any of them.
  void note(const SimDisk& disk);

  /// What was used twice; empty as long as nothing was.
  [[nodiscard]] const std::string& reused() const { return reused_; }

  [[nodiscard]] std::size_t size() const { return contents_.size(); }

  /// Master keys under which blocks were written.
  [[nodiscard]] std::size_t key_count() const;

 private:
  // A segment's key is made from the first four, the LSN is the nonce under it.
  struct Pair {
    wal::KeyId master_key = 0;
    wal::ChannelId channel{};
    std::uint64_t segment = 0;
    std::uint64_t segment_nonce = 0;
    std::uint64_t lsn = 0;

    auto operator<=>(const Pair&) const = default;
  };

  void note(const std::string& path, ByteSpan slot);

  std::map<Pair, std::uint64_t> contents_;  // hash of header and encrypted payload
  std::string reused_;
};

}  // namespace spillway::test
