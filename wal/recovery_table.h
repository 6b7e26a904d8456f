// What a scan of the log finds at the next address, and what that means: the decision table.
//
// Torn tail and corruption are told apart by durable evidence: every block carries how far the log
// was durable when it was closed, and the manifest records it too. Rows and reasons:
// docs/durability.md, "Recovery"; one test enumerates all inputs.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "wal/block.h"

namespace spillway::wal {

struct ScanFacts {
  BlockState at_address = BlockState::kBlank;
  bool is_at_segment_end = false;  // a successor or a clean stop says that the segment ends here
  bool is_proven_durable = false;  // some evidence says that this address was durable
  bool has_later_block = false;    // a valid block of the same incarnation lies behind
};

enum class ScanAction : std::uint8_t {
  kAccept,       // take the block, go on behind it
  kEndSegment,   // go on in the successor, if there is one
  kEndLog,       // nothing that was acknowledged lies behind; never look there again
  kSkipToBlock,  // acknowledged bytes are damaged: report, go on at the later block
  kSkipSegment,  // acknowledged bytes are damaged up to the end of the segment: report, go on there
};

struct ScanRow {
  std::string_view name;  // in logs, in docs/durability.md
  ScanAction action;
};

/// The one row that matches.
const ScanRow& classify(const ScanFacts& facts);

/// All rows, for documentation and tests.
std::span<const ScanRow> scan_rows();

}  // namespace spillway::wal
