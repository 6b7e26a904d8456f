// One file in several parts, usually on as many disks: stripes of fixed size lie in the parts in
// turn, so that writes and reads in flight at the same time reach different disks.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "wal/io/file.h"

namespace spillway::io {

struct StripedPart {
  std::shared_ptr<File> file = nullptr;  // nullptr: missing; reads as a hole
  // Set when the part could not be written or synced; nullptr: nobody wants to know.
  std::shared_ptr<std::atomic<bool>> has_failed = nullptr;
};

/// Contract as io::File. What one part fails with is the error of the whole; a transfer that
/// crosses stripes goes to one part after the other. A part that is missing, or shorter than it
/// should be, reads as zeros, as a hole does.
class StripedFile final : public File {
 public:
  /// `stripe_bytes` is a multiple of kBlockBytes; at least one part is there.
  StripedFile(std::vector<StripedPart> parts, std::uint64_t stripe_bytes);

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override;
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, Durability durability) override;
  Result<void> sync() override;

  [[nodiscard]] Part part_at(std::uint64_t offset) override;

  /// Up to where no part has a gap.
  Result<std::uint64_t> size_bytes() override;
  Result<void> allocate(std::uint64_t size_bytes) override;
  Result<void> truncate(std::uint64_t size_bytes) override;

  /// None for the whole: a ring cannot write to it.
  [[nodiscard]] int descriptor() const override { return -1; }

  /// What the part `index` of `count` holds of a file of `size_bytes`.
  static std::uint64_t part_bytes(std::uint64_t size_bytes, std::uint64_t stripe_bytes,
                                  std::size_t index, std::size_t count);

 private:
  struct Piece {  // of a transfer, within one stripe
    std::size_t part = 0;
    std::uint64_t offset = 0;  // in the part
    std::size_t bytes = 0;
  };
  [[nodiscard]] Piece piece_at(std::uint64_t offset, std::size_t bytes) const;
  Result<std::uint64_t> last_end();

  using Change = std::function<Result<void>(File& part, std::size_t index)>;
  Result<void> change_each(const Change& change);
  Result<void> changed(std::size_t part, Result<void> outcome);

  const std::vector<StripedPart> parts_;
  const std::uint64_t stripe_bytes_;
};

}  // namespace spillway::io
