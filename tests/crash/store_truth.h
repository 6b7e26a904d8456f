// What a channel directory holds, known independently of recovery, and what therefore must come out
// of it after damage: the oracle of the fault atlas.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "checkpoint/ack_state.h"
#include "checkpoint/manifest.h"
#include "tests/crash/flat_disk.h"
#include "wal/block.h"
#include "wal/position.h"
#include "wal/segment.h"

namespace spillway::test {

inline constexpr const char* kCheckpointPath = "cp";
inline constexpr const char* kDataPath = "data";
inline constexpr const char* kManifestPath = "cp/manifest";

using Sequences = std::set<std::uint64_t>;

/// One commit block as it was written.
struct TruthBlock {
  wal::BlockHeader header = {};
  std::uint64_t segment = 0;
  std::string path = {};
  std::uint64_t offset = 0;
  std::vector<std::byte> hashed = {};  // header and payload
  std::vector<wal::SequenceRange> acks = {};

  [[nodiscard]] std::uint64_t disk_bytes() const { return wal::block_bytes(header.payload_bytes); }
  void add_sequences(Sequences& to) const {
    for (std::uint64_t i = 0; i < header.entry_count; ++i) to.insert(header.first_sequence + i);
  }
};

/// What has to come out of a directory, given its damage.
struct Expectation {
  Sequences delivered;       // exactly these, in order, once
  Sequences lost;            // exactly these are reported
  Sequences unprovable;      // gone without a trace: nothing that survived says they existed
  bool may_repeat = false;   // both manifests are gone: acknowledged entries may come again
  Sequences may_come_again;  // these, then
};

class StoreTruth {
 public:
  /// `pristine` is what a channel left behind; `live` are the segments that hold its log.
  StoreTruth(DiskImage pristine, const std::vector<wal::Segment>& live,
             const wal::ChannelId& channel_id);

  [[nodiscard]] Expectation expect(const DiskImage& damaged) const;

  [[nodiscard]] const DiskImage& pristine() const { return pristine_; }
  [[nodiscard]] const std::vector<TruthBlock>& blocks() const { return blocks_; }
  [[nodiscard]] const std::vector<wal::Segment>& segments() const { return segments_; }
  [[nodiscard]] const wal::ChannelId& channel_id() const { return channel_id_; }

  /// Which of the two slots of the manifest is the newer one.
  [[nodiscard]] std::size_t newest_manifest_slot() const;

 private:
  [[nodiscard]] std::optional<checkpoint::Manifest> best_manifest(const DiskImage& image) const;
  [[nodiscard]] bool is_identifiable(const wal::Segment& segment, const DiskImage& image,
                                     const checkpoint::Manifest* manifest) const;
  [[nodiscard]] static bool is_alive(const TruthBlock& block, const DiskImage& image);
  [[nodiscard]] std::uint64_t acked_below(const wal::Segment& segment) const;
  [[nodiscard]] std::uint64_t cut_of(const std::vector<bool>& alive, std::uint64_t proven) const;

  const DiskImage pristine_;
  const std::vector<wal::Segment> segments_;
  const wal::ChannelId channel_id_;
  std::vector<TruthBlock> blocks_;  // in log order
};

}  // namespace spillway::test
