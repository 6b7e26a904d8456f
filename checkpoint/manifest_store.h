// The file `manifest`: two slots, written in turn, so that one is intact after any crash.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "checkpoint/manifest.h"
#include "wal/base/metrics.h"
#include "wal/base/result.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/file.h"

namespace spillway::checkpoint {

inline constexpr std::string_view kManifestName = "manifest";

/// Not thread-safe. The directory must outlive the store.
class ManifestStore {
 public:
  /// `bytes_max`: of one manifest.
  explicit ManifestStore(io::Directory& directory, std::size_t bytes_max = kManifestSlotBytes)
      : directory_(directory), bytes_max_(bytes_max) {}

  enum class Access : std::uint8_t { kReadOnly, kReadWrite };

  enum class SlotState : std::uint8_t {
    kBlank,    // nothing but zeros: not written yet
    kIntact,   // `slots` has it
    kDamaged,  // cannot be read, or holds no manifest
  };

  struct Loaded {
    bool has_file = false;
    std::array<std::optional<Manifest>, kManifestSlotCount> slots;
    std::array<SlotState, kManifestSlotCount> states{};

    /// The newest intact one; nullptr when there is none.
    [[nodiscard]] const Manifest* newest() const;

    /// A slot that has been written is not intact.
    bool is_damaged = false;

    /// newest() may not be the last one that was written. So it is with a damaged slot, and with a
    /// blank one: a wiped second manifest looks like one that was never written.
    bool may_be_stale = false;

    /// Of a slot that the device refused to read.
    std::optional<Error> read_error = {};
  };

  /// Reads both slots. A missing file is no error.
  Result<Loaded> load(Access access);

  /// Creates and pre-writes the file if there is none. Only with Access::kReadWrite.
  Result<void> create_if_missing();

  /// Writes `manifest` durably with the next generation, over the older slot. After an error the
  /// newer slot still holds; the caller may try again. kTooLarge: more segments than segments_max()
  /// allows.
  Result<void> store(Manifest& manifest);

  /// How many segments the next manifest has room for, whatever their numbers, as of the last one
  /// stored. A part is kept back for transactions under way, acknowledged ranges, and segments
  /// that grow. Thread-safe.
  [[nodiscard]] std::size_t segments_max() const {
    return segments_max_.load(std::memory_order_relaxed);
  }

  /// Thread-safe.
  [[nodiscard]] std::uint64_t bytes_written() const { return bytes_written_.value(); }

 private:
  // Of bytes_max_, for what segments_max() does not count.
  static constexpr std::size_t kReserveShare = 16;

  /// What slot `slot` uses of its space; all of it where its first block is blank.
  Result<ByteSpan> read_slot(std::size_t slot);
  Result<void> read_part(std::size_t slot, std::size_t begin, std::size_t end);

  io::Directory& directory_;
  const std::size_t bytes_max_;
  std::atomic<std::size_t> segments_max_{SIZE_MAX};
  std::unique_ptr<io::File> file_;
  std::uint64_t generation_ = 0;
  std::size_t next_slot_ = 0;
  io::AlignedBuffer buffer_{kManifestSlotBytes};
  Counter bytes_written_;
};

}  // namespace spillway::checkpoint
