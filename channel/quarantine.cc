#include "channel/quarantine.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "wal/io/aligned_buffer.h"

namespace spillway::channel {
namespace {

constexpr std::string_view kPrefix = "damaged-";
constexpr std::string_view kSuffix = ".bin";
constexpr std::uint64_t kCopyBytes = 1 * kMiB;

// What the device refuses to read stays zero in the copy.
void read_what_can_be_read(io::File& file, std::uint64_t offset, MutableByteSpan bytes) {
  std::fill(bytes.begin(), bytes.end(), std::byte{0});
  if (file.read_at(offset, bytes).has_value()) return;
  for (std::size_t at = 0; at < bytes.size(); at += io::kBlockBytes) {
    static_cast<void>(file.read_at(offset + at, bytes.subspan(at, io::kBlockBytes)));
  }
}

bool read_number(std::string_view& text, std::uint64_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return error == std::errc{};
}

std::optional<QuarantinedCopy> parse_name(std::string_view name) {
  QuarantinedCopy copy{.name = std::string(name)};
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  if (!read_number(name, copy.segment.value) || !name.starts_with('-')) return std::nullopt;
  name.remove_prefix(1);
  if (!read_number(name, copy.first_lsn.value) || name != kSuffix) return std::nullopt;
  return copy;
}

}  // namespace

Result<std::vector<QuarantinedCopy>> list_quarantine(io::Directory& directory) {
  TRY_ASSIGN(const std::vector<std::string> names, directory.list());
  std::vector<QuarantinedCopy> copies;
  for (const std::string& name : names) {
    auto copy = parse_name(name);
    if (!copy) continue;
    TRY_ASSIGN(const auto file, directory.open(name, io::OpenMode::kRead));
    TRY_ASSIGN(copy->bytes, file->size_bytes());
    copies.push_back(std::move(*copy));
  }
  std::sort(copies.begin(), copies.end(), [](const QuarantinedCopy& a, const QuarantinedCopy& b) {
    return a.first_lsn != b.first_lsn ? a.first_lsn < b.first_lsn : a.segment < b.segment;
  });
  return copies;
}

Result<void> quarantine(io::Directory& into, wal::SlotPool& slots, const wal::Segment& segment,
                        const wal::LostRange& lost) {
  const std::string name =
      fmt::format("{}{}-{}{}", kPrefix, segment.number.value, lost.first_lsn.value, kSuffix);
  TRY_ASSIGN(const std::vector<std::string> names, into.list());
  const auto copies = std::count_if(names.begin(), names.end(),
                                    [](const std::string& n) { return n.starts_with(kPrefix); });
  const bool has_copy = std::find(names.begin(), names.end(), name) != names.end();
  if (has_copy || static_cast<std::size_t>(copies) >= kQuarantineFilesMax) return {};

  const auto from = slots.file(segment.slot);
  if (!from.has_value()) return {};
  TRY_ASSIGN(const auto to, into.open(name, io::OpenMode::kCreate));
  const wal::Lsn end = std::min(lost.end_lsn, segment.limit_lsn());
  io::AlignedBuffer buffer(kCopyBytes);
  for (wal::Lsn at = lost.first_lsn; at < end; at += kCopyBytes) {
    const auto bytes = buffer.span().first(std::min<std::uint64_t>(kCopyBytes, end - at));
    read_what_can_be_read(*from.value(), segment.offset_of(at), bytes);
    TRY(to->write_at(at - lost.first_lsn, bytes, io::Durability::kNone));
  }
  TRY(to->sync());
  return into.sync();
}

}  // namespace spillway::channel
