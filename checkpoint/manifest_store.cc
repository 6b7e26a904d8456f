#include "checkpoint/manifest_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "wal/base/check.h"

namespace spillway::checkpoint {
namespace {

// Not empty. Byte by byte it would show in a start: an unused slot has a million of them.
bool is_blank(ByteSpan bytes) {
  return bytes[0] == std::byte{0} &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

const Manifest* ManifestStore::Loaded::newest() const {
  const Manifest* best = nullptr;
  for (const auto& slot : slots) {
    if (slot && (best == nullptr || best->generation < slot->generation)) best = &*slot;
  }
  return best;
}

Result<ManifestStore::Loaded> ManifestStore::load(Access access) {
  Loaded loaded;
  auto opened = directory_.open(
      kManifestName, access == Access::kReadOnly ? io::OpenMode::kRead : io::OpenMode::kReadWrite);
  if (!opened.has_value() && opened.error().code == Errc::kNotFound) return loaded;
  if (!opened.has_value()) return opened.error();
  file_ = std::move(opened.value());
  loaded.has_file = true;
  // What a crashed process wrote must be durable before anything is decided on it.
  if (access == Access::kReadWrite) TRY(file_->sync());

  std::size_t intact = 0;
  std::size_t blank = 0;
  for (std::size_t i = 0; i < kManifestSlotCount; ++i) {
    const Result<ByteSpan> bytes = read_slot(i);
    if (!bytes.has_value() && bytes.error().code != Errc::kIo) return bytes.error();
    if (!bytes.has_value()) loaded.read_error = bytes.error();
    const bool is_slot_blank = bytes.has_value() && is_blank(bytes.value());
    if (is_slot_blank) ++blank;
    loaded.states[i] = is_slot_blank ? SlotState::kBlank : SlotState::kDamaged;
    if (bytes.has_value()) loaded.slots[i] = decode_manifest(bytes.value());
    if (!loaded.slots[i]) continue;
    loaded.states[i] = SlotState::kIntact;
    ++intact;
    if (loaded.slots[i]->generation < generation_) continue;
    generation_ = loaded.slots[i]->generation;
    next_slot_ = (i + 1) % kManifestSlotCount;
  }
  // Only a new file, and then its very first manifest, leave a slot blank.
  const bool is_young = generation_ <= 1 && blank + intact == kManifestSlotCount;
  loaded.may_be_stale = intact < kManifestSlotCount;
  loaded.is_damaged = loaded.may_be_stale && !is_young;
  return loaded;
}

// Of a megabyte a manifest mostly uses one block.
Result<ByteSpan> ManifestStore::read_slot(std::size_t slot) {
  TRY(read_part(slot, 0, wal::kBlockAlignBytes));
  const ByteSpan first = buffer_.span().first(wal::kBlockAlignBytes);
  std::uint64_t size = kManifestSlotBytes;
  if (!is_blank(first)) {
    const auto header = load_le<ManifestHeader>(first.data());
    size = std::min(size, align_up(kManifestHeaderBytes + std::uint64_t{header.payload_bytes},
                                   wal::kBlockAlignBytes));
  }
  if (size > first.size()) TRY(read_part(slot, first.size(), size));
  return ByteSpan(buffer_.span()).first(size);
}

Result<void> ManifestStore::read_part(std::size_t slot, std::size_t begin, std::size_t end) {
  const MutableByteSpan bytes = buffer_.span().subspan(begin, end - begin);
  TRY_ASSIGN(const std::size_t size, file_->read_at(slot * kManifestSlotBytes + begin, bytes));
  const MutableByteSpan missing = bytes.subspan(size);  // the file has been cut short
  std::fill(missing.begin(), missing.end(), std::byte{0});
  return {};
}

Result<void> ManifestStore::create_if_missing() {
  constexpr std::uint64_t kFileBytes = kManifestSlotBytes * kManifestSlotCount;
  if (file_ == nullptr) {
    TRY_ASSIGN(file_, directory_.open(kManifestName, io::OpenMode::kCreate));
  } else {
    TRY_ASSIGN(const std::uint64_t size, file_->size_bytes());
    if (size >= kFileBytes) return {};
  }
  // A file cut short, by a crash while it was made or by somebody else, is filled up.
  TRY_ASSIGN(const std::uint64_t size, file_->size_bytes());
  TRY(file_->allocate(kFileBytes));
  const io::AlignedBuffer zeros(kManifestSlotBytes);
  for (std::uint64_t at = align_up(size, wal::kBlockAlignBytes); at < kFileBytes;) {
    const std::uint64_t bytes = std::min<std::uint64_t>(kManifestSlotBytes, kFileBytes - at);
    TRY(file_->write_at(at, zeros.span().first(bytes), io::Durability::kNone));
    at += bytes;
  }
  TRY(file_->sync());
  return directory_.sync();
}

Result<void> ManifestStore::store(Manifest& manifest) {
  CHECK(file_ != nullptr);
  manifest.generation = generation_ + 1;
  const auto size = encode_manifest(manifest, buffer_.span());
  if (!size || *size > bytes_max_) {
    return Error{.code = Errc::kTooLarge, .what = "too many segments for the manifest"};
  }
  TRY(file_->write_at(next_slot_ * kManifestSlotBytes, buffer_.span().first(*size),
                      io::Durability::kDurable));
  bytes_written_.add(*size);
  generation_ = manifest.generation;
  next_slot_ = (next_slot_ + 1) % kManifestSlotCount;
  const std::size_t limit = bytes_max_ - bytes_max_ / kReserveShare;
  const std::size_t room = *size < limit ? (limit - *size) / kManifestRowBytesMax : 0;
  segments_max_.store(manifest.segments.size() + room, std::memory_order_relaxed);
  return {};
}

}  // namespace spillway::checkpoint
