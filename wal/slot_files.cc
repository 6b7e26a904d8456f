#include "wal/slot_files.h"

#include <algorithm>
#include <utility>

#include "wal/base/bytes.h"
#include "wal/io/aligned_buffer.h"
#include "wal/segment_header.h"

namespace spillway::wal {
namespace {

using std::chrono::steady_clock;

// One pre-write call: large enough for full bandwidth, small enough that a commit beside it waits
// 2-4 ms at worst (a buffered pre-write and its fsync stall commits for 400 ms).
constexpr std::uint64_t kZeroFillBytes = 1 * kMiB;

constexpr Error kGivenUp{.code = Errc::kClosed, .what = "slot pool is stopping"};

bool goes_on(const Pace& pace, steady_clock::time_point step_started) {
  return pace == nullptr || pace(steady_clock::now() - step_started);
}

Result<void> zero_fill(io::File& file, std::uint64_t bytes, const Pace& pace) {
  const io::AlignedBuffer zeros(kZeroFillBytes);
  for (std::uint64_t at = 0; at < bytes; at += kZeroFillBytes) {
    const auto started = steady_clock::now();
    const std::uint64_t size = std::min(kZeroFillBytes, bytes - at);
    TRY(file.write_at(at, zeros.span().first(size), io::Durability::kNone));
    if (!goes_on(pace, started)) return kGivenUp;
  }
  return {};
}

Result<void> fill_and_sync(io::Directory& directory, io::File& file, std::uint64_t bytes, Fill fill,
                           const Pace& pace) {
  TRY(file.allocate(bytes));
  if (fill == Fill::kZeros) TRY(zero_fill(file, bytes, pace));
  TRY(file.sync());
  return directory.sync();
}

Result<void> cut_in_steps(io::File& file, std::uint64_t cut_bytes, const Pace& pace) {
  TRY_ASSIGN(std::uint64_t bytes, file.size_bytes());
  if (bytes >= kSegmentDataOffset) {
    io::AlignedBuffer mark(kSegmentDataOffset);
    encode_discard_mark(mark.span());
    TRY(file.write_at(0, mark.span(), io::Durability::kDurable));
  }
  while (bytes > 0) {
    const auto started = steady_clock::now();
    bytes = align_down(bytes - std::min(bytes, cut_bytes), io::kBlockBytes);
    TRY(file.truncate(bytes));
    if (!goes_on(pace, started)) return kGivenUp;
  }
  return {};
}

}  // namespace

MadeSlotFile make_slot_file(io::Directory& directory, const std::string& name, std::uint64_t bytes,
                            Fill fill, const Pace& pace) {
  auto created = directory.open(name, io::OpenMode::kCreate);
  if (!created.has_value()) {
    const bool is_name_free = created.error().code != Errc::kExists;
    return {.file = created.error(), .is_name_free = is_name_free};
  }
  std::shared_ptr<io::File> file = std::move(created.value());
  const Result<void> made = fill_and_sync(directory, *file, bytes, fill, pace);
  if (made.has_value()) return {.file = std::move(file)};
  return {.file = made.error(), .is_name_free = directory.remove(name).has_value()};
}

Result<void> delete_slot_file(io::Directory& directory, const std::string& name, io::File& file,
                              std::uint64_t cut_bytes, const Pace& pace) {
  const Result<void> cut = cut_in_steps(file, cut_bytes, pace);
  if (!cut.has_value() && cut.error().code == Errc::kClosed) return cut;
  TRY(directory.remove(name));
  return directory.sync();
}

}  // namespace spillway::wal
