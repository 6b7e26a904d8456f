#include "wal/slot_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
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

constexpr std::string_view kNamePrefix = "slot-";
constexpr std::string_view kNameSuffix = ".seg";
constexpr std::string_view kTrialName = "slot-trial";

constexpr Error kGivenUp{.code = Errc::kClosed, .what = "slot pool is stopping"};

// Takes a number from 1 on off the front of `text`; 0: there is none.
std::uint32_t take_number(std::string_view& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return 0;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

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

std::optional<SlotFileName> parse_slot_name(std::string_view name) {
  SlotFileName parsed;
  if (!take(name, kNamePrefix)) return std::nullopt;
  parsed.slot = take_number(name);
  if (parsed.slot == 0) return std::nullopt;
  if (name != kNameSuffix) {
    if (!take(name, ".")) return std::nullopt;
    const std::uint32_t part = take_number(name);
    if (!take(name, "of")) return std::nullopt;
    parsed.parts = take_number(name);
    const bool is_possible = 1 <= part && part <= parsed.parts && 1 < parsed.parts &&
                             parsed.parts <= SlotFileName::kPartsMax;
    if (!is_possible || name != kNameSuffix) return std::nullopt;
    parsed.part = part - 1;
  }
  return parsed;
}

std::string slot_file_name(const SlotFileName& name) {
  if (name.parts == 1) return slot_name(name.slot);
  return fmt::format("{}{:05}.{}of{}{}", kNamePrefix, name.slot, name.part + 1, name.parts,
                     kNameSuffix);
}

std::string slot_name(SlotId slot) {
  return fmt::format("{}{:05}{}", kNamePrefix, slot, kNameSuffix);
}

bool remove_for_good(io::Directory& directory, const std::string& name) {
  return directory.remove(name).has_value() && directory.sync().has_value();
}

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
  return {.file = made.error(), .is_name_free = remove_for_good(directory, name)};
}

Result<void> try_making_slot_file(io::Directory& directory, std::uint64_t bytes) {
  static_cast<void>(directory.remove(kTrialName));  // of a process that was killed
  TRY_ASSIGN(const auto file, directory.open(kTrialName, io::OpenMode::kCreate));
  Result<void> made = file->allocate(bytes);
  if (made.has_value()) {
    const io::AlignedBuffer zeros(io::kBlockBytes);
    made = file->write_at(0, zeros.span(), io::Durability::kDurable);
  }
  TRY(directory.remove(kTrialName));
  return made;
}

Result<void> delete_slot_file(io::Directory& directory, const std::string& name, io::File& file,
                              std::uint64_t cut_bytes, const Pace& pace) {
  const Result<void> cut = cut_in_steps(file, cut_bytes, pace);
  if (!cut.has_value() && cut.error().code == Errc::kClosed) return cut;
  TRY(directory.remove(name));
  return directory.sync();
}

}  // namespace spillway::wal
