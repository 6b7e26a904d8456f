#include "wal/io/striped_file.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::io {

StripedFile::StripedFile(std::vector<StripedPart> parts, std::uint64_t stripe_bytes)
    : parts_(std::move(parts)), stripe_bytes_(stripe_bytes) {
  CHECK(stripe_bytes_ > 0 && stripe_bytes_ % kBlockBytes == 0);
  CHECK(std::any_of(parts_.begin(), parts_.end(), [](const auto& p) { return p.file != nullptr; }));
}

std::uint64_t StripedFile::part_bytes(std::uint64_t size_bytes, std::uint64_t stripe_bytes,
                                      std::size_t index, std::size_t count) {
  const std::uint64_t stripes = size_bytes / stripe_bytes;
  const std::uint64_t turn = stripes % count;  // whose the last, unfinished stripe is
  const std::uint64_t whole = (stripes / count + (index < turn ? 1 : 0)) * stripe_bytes;
  return index == turn ? whole + size_bytes % stripe_bytes : whole;
}

StripedFile::Piece StripedFile::piece_at(std::uint64_t offset, std::size_t bytes) const {
  const std::uint64_t stripe = offset / stripe_bytes_;
  const std::uint64_t at = offset % stripe_bytes_;
  return {.part = stripe % parts_.size(),
          .offset = stripe / parts_.size() * stripe_bytes_ + at,
          .bytes = std::min<std::size_t>(bytes, stripe_bytes_ - at)};
}

File::Part StripedFile::part_at(std::uint64_t offset) {
  const Piece piece = piece_at(offset, stripe_bytes_);
  return {.file = parts_[piece.part].file.get(), .end_offset = offset + piece.bytes};
}

Result<std::size_t> StripedFile::read_at(std::uint64_t offset, MutableByteSpan bytes) {
  bool has_gap = false;
  for (std::size_t done = 0; done < bytes.size();) {
    const Piece piece = piece_at(offset + done, bytes.size() - done);
    const MutableByteSpan into = bytes.subspan(done, piece.bytes);
    std::size_t read = 0;
    if (parts_[piece.part].file != nullptr) {
      TRY_ASSIGN(read, parts_[piece.part].file->read_at(piece.offset, into));
    }
    std::fill(into.begin() + static_cast<std::ptrdiff_t>(read), into.end(), std::byte{0});
    has_gap |= read < piece.bytes;
    done += piece.bytes;
  }
  if (!has_gap) return bytes.size();
  TRY_ASSIGN(const std::uint64_t end, last_end());
  return std::min<std::size_t>(bytes.size(), end - std::min(end, offset));
}

Result<void> StripedFile::write_at(std::uint64_t offset, ByteSpan bytes, Durability durability) {
  while (!bytes.empty()) {
    const Piece piece = piece_at(offset, bytes.size());
    CHECK(parts_[piece.part].file != nullptr);
    TRY(changed(piece.part, parts_[piece.part].file->write_at(
                                piece.offset, bytes.first(piece.bytes), durability)));
    offset += piece.bytes;
    bytes = bytes.subspan(piece.bytes);
  }
  return {};
}

Result<void> StripedFile::sync() {
  return change_each([this](File& part, std::size_t index) { return changed(index, part.sync()); });
}

Result<std::uint64_t> StripedFile::size_bytes() {
  std::uint64_t complete = UINT64_MAX;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    std::uint64_t size = 0;
    if (parts_[i].file != nullptr) {
      TRY_ASSIGN(size, parts_[i].file->size_bytes());
    }
    const std::uint64_t end =
        (size / stripe_bytes_ * parts_.size() + i) * stripe_bytes_ + size % stripe_bytes_;
    complete = std::min(complete, end);
  }
  return complete;
}

// Behind the last byte of any part.
Result<std::uint64_t> StripedFile::last_end() {
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].file == nullptr) continue;
    TRY_ASSIGN(const std::uint64_t size, parts_[i].file->size_bytes());
    if (size == 0) continue;
    const std::uint64_t at = size - 1;
    const std::uint64_t end =
        (at / stripe_bytes_ * parts_.size() + i) * stripe_bytes_ + at % stripe_bytes_ + 1;
    last = std::max(last, end);
  }
  return last;
}

Result<void> StripedFile::allocate(std::uint64_t size_bytes) {
  return change_each([this, size_bytes](File& part, std::size_t index) {
    return part.allocate(part_bytes(size_bytes, stripe_bytes_, index, parts_.size()));
  });
}

Result<void> StripedFile::truncate(std::uint64_t size_bytes) {
  return change_each([this, size_bytes](File& part, std::size_t index) {
    return part.truncate(part_bytes(size_bytes, stripe_bytes_, index, parts_.size()));
  });
}

Result<void> StripedFile::change_each(const Change& change) {
  for (std::size_t i = 0; i < parts_.size(); ++i) {
    if (parts_[i].file != nullptr) TRY(change(*parts_[i].file, i));
  }
  return {};
}

Result<void> StripedFile::changed(std::size_t part, Result<void> outcome) {
  if (!outcome.has_value() && parts_[part].has_failed != nullptr) {
    parts_[part].has_failed->store(true);
  }
  return outcome;
}

}  // namespace spillway::io
