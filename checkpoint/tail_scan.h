// Walks the end of the log block by block and finds where it ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "checkpoint/recovery.h"
#include "wal/read_ahead.h"
#include "wal/recovery_table.h"
#include "wal/segment_reader.h"

namespace spillway::checkpoint {

/// A segment of the log and how it hangs on the one before.
struct ChainLink {
  wal::Segment segment;
  bool follows_gap = false;  // the segment it names as predecessor is gone
};

/// One use: construct, run(). Reads only.
class TailScan {
 public:
  /// Starts in the last link that begins at or before `log.end.lsn`, at that address.
  TailScan(wal::SlotPool& slots, const wal::LogOptions& options, std::vector<ChainLink> chain,
           RecoveredLog& log);

  /// Moves log.end to the end of the log, applies acknowledgements, sets log.segments to what is
  /// in use and adds findings.
  Result<void> run();

 private:
  enum class Flow : std::uint8_t { kSameSegment, kNextSegment, kEnd };

  struct Evidence {
    std::optional<wal::Block> later;  // first valid block behind, in this segment
    bool is_proven_durable = false;
  };

  Result<void> open_segment();
  Result<Flow> step();
  /// Sets `block` where only the chain of hashes may speak against it.
  Result<wal::BlockState> look(std::optional<wal::Block>& block);
  Result<Evidence> gather_evidence();
  Result<bool> successors_prove();
  void accept(const wal::Block& block);
  void apply_records(const wal::Block& block);
  void lose(const wal::ScanRow& row, wal::Lsn end_lsn, wal::Sequence end_sequence);
  void count_lost();
  [[nodiscard]] bool is_before_reclaimed(wal::BlockState found, const Evidence& evidence) const;
  void pass_reclaimed();
  void finish_segment();
  void end_log(const wal::ScanRow& row, bool has_torn_bytes);

  [[nodiscard]] const ChainLink* successor() const {
    return index_ + 1 < chain_.size() ? &chain_[index_ + 1] : nullptr;
  }
  [[nodiscard]] wal::Lsn segment_end() const;

  wal::SlotPool& slots_;
  const wal::LogOptions& options_;
  const std::uint64_t seed_;
  std::vector<ChainLink> chain_;
  RecoveredLog& log_;

  wal::ReadAhead ahead_;
  std::size_t index_ = 0;                       // of the segment under the scan
  std::unique_ptr<wal::SegmentReader> reader_;  // nullptr: its file is missing
  bool is_chained_ = true;                      // the next block's previous_hash is known
  struct Unfinished {                           // where a transaction over several blocks began
    std::size_t index = 0;
    wal::LogEnd end;
  };
  std::optional<Unfinished> unfinished_;
};

}  // namespace spillway::checkpoint
