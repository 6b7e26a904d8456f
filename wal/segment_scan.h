// One segment from its first block to its end, as consumers get it, and why they do not get the
// rest: for the offline tools, which have to explain.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "wal/base/result.h"
#include "wal/block_cache.h"
#include "wal/log_reader.h"
#include "wal/options.h"
#include "wal/segment_reader.h"
#include "wal/segment_table.h"
#include "wal/slot_pool.h"

namespace spillway::wal {

/// What is wrong at an address that holds a block no consumer may get.
enum class BlockFault : std::uint8_t {
  kNone,
  kMissing,     // the slot file is not there
  kBlank,       // zeros, or bytes of another segment: never written, or overwritten
  kDamaged,     // header or checksum is wrong
  kUnreadable,  // the device refuses to read it
  kMisplaced,   // sound in itself, but its sequences or its size cannot be right here
  kUnchained,   // sound, and delivered; but it does not name the block before as its predecessor
};

/// snake_case name of a fault.
std::string_view fault_name(BlockFault fault);

/// Not thread-safe; one use. Decides what to skip by LogReader, so that it reports what an agent
/// would lose; the hash chain, which LogReader does not look at, is checked in addition.
class SegmentScan {
 public:
  /// `previous_hash`: of the block, or segment header, before the first block; nullopt: unknown.
  SegmentScan(const ChannelId& id, const LogOptions& options, SlotPool& slots,
              const Segment& segment, std::optional<std::uint64_t> previous_hash);

  /// A block, or a range of damage, or neither at the end of the segment. `fault` tells about the
  /// first block of the range; with a block it is kNone or kUnchained.
  struct Step {
    std::optional<Block> block;
    std::optional<LostRange> lost;
    BlockFault fault = BlockFault::kNone;
  };
  Result<Step> next();

  /// Hash of the last block; nullopt when the segment ends in damage.
  [[nodiscard]] std::optional<std::uint64_t> last_hash() const { return previous_hash_; }

  /// Where the scan is.
  [[nodiscard]] Lsn lsn() const { return reader_.lsn(); }

 private:
  Result<BlockFault> judge(Lsn lsn);

  const Segment segment_;
  const LogOptions options_;
  const ChannelId id_;
  SlotPool& slots_;
  SegmentTable table_;  // of this segment alone
  BlockCache cache_{0};
  LogReader reader_;
  std::optional<std::uint64_t> previous_hash_;
};

}  // namespace spillway::wal
