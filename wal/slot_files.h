// Makes, marks, cuts and deletes single slot files; which ones are in use is SlotPool's to know.
//
// Nothing here may disturb commits on the same device: pre-writing and cutting go in small steps,
// and whoever asks for them sets the pace (docs/decisions/0302-deleting-slots.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wal/base/result.h"
#include "wal/io/file.h"
#include "wal/segment.h"

namespace spillway::wal {

/// A slot lies in one file, or in parts, one on each of several directories (io::StripedFile).
struct SlotFileName {
  SlotId slot = 0;
  std::size_t part = 0;  // from 0 on
  std::size_t parts = 1;

  static constexpr std::size_t kPartsMax = 64;
};

/// `slot-00007.seg`, or `slot-00007.2of3.seg` for the part 1 of 3; nullopt for any other name.
std::optional<SlotFileName> parse_slot_name(std::string_view name);
std::string slot_file_name(const SlotFileName& name);

/// What messages call a slot, in parts or not: `slot-00007.seg`.
std::string slot_name(SlotId slot);

/// Called after each step with the time it took; may sleep. False gives the work up (kClosed).
using Pace = std::function<bool(std::chrono::nanoseconds step)>;

enum class Fill : std::uint8_t {
  kReserve,  // allocated only: slower to write to
  kZeros,    // pre-written
};

struct MadeSlotFile {
  Result<std::shared_ptr<io::File>> file;
  bool is_name_free = false;  // with an error: no file of that name was left behind
};

/// Removes `name` durably; false: it may be there again after a power loss.
bool remove_for_good(io::Directory& directory, const std::string& name);

/// A new slot file of `bytes` zeros; it and its name are durable. After an error it is gone again,
/// as far as that is possible: a full disk must get its space back.
MadeSlotFile make_slot_file(io::Directory& directory, const std::string& name, std::uint64_t bytes,
                            Fill fill, const Pace& pace);

/// Whether a slot file of `bytes` could be made and written: does it, without filling it, under a
/// name that is none of a slot, and removes it again.
Result<void> try_making_slot_file(io::Directory& directory, std::uint64_t bytes);

/// Marks a drained slot as garbage, durably, cuts it `cut_bytes` at a time and removes it. May be
/// interrupted at any point and called again; what is left meanwhile is known by its mark or by
/// being short. A file that cannot be marked or cut is removed whole.
Result<void> delete_slot_file(io::Directory& directory, const std::string& name, io::File& file,
                              std::uint64_t cut_bytes, const Pace& pace);

}  // namespace spillway::wal
