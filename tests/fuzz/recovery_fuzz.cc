// Fuzz target: a whole small directory, read only. Recovery comes to the same result each time,
// its numbers fit together, and what it says is there can be read from the first event to the last
// without an error, in order and once.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "checkpoint/manifest_store.h"
#include "checkpoint/recovery.h"
#include "tests/crash/store_truth.h"
#include "tests/fuzz/packed_image.h"
#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/block_cache.h"
#include "wal/block_payload.h"
#include "wal/log_reader.h"
#include "wal/segment_table.h"

namespace spillway {
namespace {

using checkpoint::Finding;
using checkpoint::ManifestStore;
using checkpoint::RecoveredLog;

void check_numbers(const RecoveredLog& log) {
  CHECK(log.acks.below() <= log.end.next_sequence);
  for (const wal::SequenceRange& range : log.acks.ranges()) {
    CHECK(range.end <= log.end.next_sequence);
  }
  const wal::Segment* before = nullptr;
  for (const wal::Segment& segment : log.segments) {
    CHECK(segment.first_lsn <= segment.end_lsn);
    CHECK(segment.first_sequence <= segment.end_sequence);
    if (before != nullptr) CHECK(before->number < segment.number);
    if (before != nullptr) CHECK(before->end_lsn <= segment.first_lsn);
    if (before != nullptr) CHECK(before->end_sequence <= segment.first_sequence);
    before = &segment;
  }
  for (const Finding& finding : log.findings) {
    CHECK(finding.lost.first_lsn <= finding.lost.end_lsn);
    CHECK(finding.lost.entries.first <= finding.lost.entries.end);
    CHECK(finding.wanted <= finding.lost.entries.count());
  }
}

// How many entries there are to read.
std::uint64_t read_all(const RecoveredLog& log, wal::SlotPool& slots,
                       const wal::LogOptions& options) {
  wal::SegmentTable segments;
  for (const wal::Segment& segment : log.segments) segments.append(segment);
  wal::BlockCache cache(0);
  wal::LogReader reader(log.channel_id, options, slots, segments, cache);
  const checkpoint::ReadPosition from = log.first_unread();
  CHECK(from.sequence <= log.acks.below() || log.acks.below() >= log.end.next_sequence);
  reader.seek(from.lsn, from.sequence);
  std::uint64_t entries = 0;
  while (true) {
    const wal::Lsn at = reader.lsn();
    const wal::Sequence sequence = reader.sequence();
    const auto step = reader.next(log.end);
    CHECK(step.has_value());
    if (!step.value().block && !step.value().lost && !step.value().reclaimed) return entries;
    CHECK(reader.lsn() > at);
    CHECK(reader.sequence() >= sequence);
    if (!step.value().block) continue;
    const wal::Block& block = *step.value().block;
    CHECK(block.first_sequence() == sequence);
    CHECK(block.is_locked || wal::is_payload_valid(block.payload, block.header.entry_count));
    entries += block.header.entry_count;
  }
}

void recover(ByteSpan input) {
  set_log_level(LogLevel::kError);
  test::FlatDisk disk(test::to_disk(test::unpack(input)));
  const auto checkpoint_directory =
      disk.open_directory(test::kCheckpointPath, io::FileSystem::Missing::kFail);
  const auto data_directory = disk.open_directory(test::kDataPath, io::FileSystem::Missing::kFail);
  const auto manifests =
      ManifestStore(*checkpoint_directory.value()).load(ManifestStore::Access::kReadOnly);
  CHECK(manifests.has_value());
  const wal::LogOptions options = test::packed_options().log;
  wal::SlotPool slots({data_directory.value().get()}, options, io::OpenMode::kRead);
  CHECK(slots.open().has_value());
  const auto first = checkpoint::recover_log(manifests.value(), slots, options, {});
  const auto second = checkpoint::recover_log(manifests.value(), slots, options, {});
  CHECK(first.has_value() == second.has_value());
  if (!first.has_value()) {
    CHECK(first.error().code == Errc::kCorrupt);
    return;
  }
  const RecoveredLog& log = first.value();
  check_numbers(log);
  CHECK(log.end.lsn == second.value().end.lsn);
  CHECK(log.end.next_sequence == second.value().end.next_sequence);
  CHECK(log.findings.size() == second.value().findings.size());
  CHECK(log.lost_entries == second.value().lost_entries);
  CHECK(read_all(log, slots, options) == read_all(second.value(), slots, options));
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::recover(std::as_bytes(std::span(data, size)));
  return 0;
}
