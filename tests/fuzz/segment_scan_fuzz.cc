// Fuzz target: slot files, each taken for the segment its header names. A scan comes to the end of
// each, covers all of it once, in order, with blocks and damage, and never reads events that are
// not there.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "checkpoint/segment_survey.h"
#include "tests/crash/store_truth.h"
#include "tests/fuzz/packed_image.h"
#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/block_payload.h"
#include "wal/segment_scan.h"

namespace spillway {
namespace {

void scan(const wal::ChannelId& id, const wal::LogOptions& options, wal::SlotPool& slots,
          wal::Segment segment, std::uint64_t previous_hash) {
  segment.end_lsn = segment.limit_lsn();
  segment.end_sequence = segment.first_sequence + 1'000'000;
  segment.is_sealed = true;
  wal::SegmentScan scan(id, options, slots, segment, previous_hash);
  wal::Lsn at = segment.first_lsn;
  while (true) {
    const auto step = scan.next();
    CHECK(step.has_value());
    if (!step.value().block && !step.value().lost) break;
    CHECK(scan.lsn() > at);
    CHECK(step.value().block.has_value() != step.value().lost.has_value());
    if (step.value().block) {
      const wal::Block& block = *step.value().block;
      CHECK(block.lsn() == at);
      CHECK(block.end_lsn() == scan.lsn());
      CHECK(block.is_locked || wal::is_payload_valid(block.payload, block.header.entry_count));
    } else {
      CHECK(step.value().lost->first_lsn == at);
      CHECK(step.value().lost->end_lsn == scan.lsn());
      CHECK(step.value().lost->entries.first <= step.value().lost->entries.end);
    }
    at = scan.lsn();
  }
  CHECK(at == segment.end_lsn);
}

void scan_all(ByteSpan input) {
  set_log_level(LogLevel::kError);
  test::FlatDisk disk(test::to_disk(test::unpack(input)));
  const auto directory = disk.open_directory(test::kDataPath, io::FileSystem::Missing::kFail);
  const wal::LogOptions options = test::packed_options().log;
  wal::SlotPool slots({directory.value().get()}, options, io::OpenMode::kRead);
  CHECK(slots.open().has_value());
  const auto id = checkpoint::guess_channel(slots);
  CHECK(id.has_value());
  if (!id.value()) return;
  const auto survey = checkpoint::survey_segments(slots, slots.found(), *id.value());
  CHECK(survey.has_value());
  for (const auto& found : survey.value().segments) {
    const checkpoint::SurveyedSlot& slot = found.second;
    scan(*id.value(), options, slots, checkpoint::to_segment(slot), slot.header.predecessor_hash);
  }
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::scan_all(std::as_bytes(std::span(data, size)));
  return 0;
}
