// Makes, marks, cuts and deletes single slot files; which ones are in use is SlotPool's to know.
//
// Nothing here may disturb commits on the same device: pre-writing and cutting go in small steps,
// and whoever asks for them sets the pace (docs/decisions/0302-deleting-slots.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::wal {

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

/// A new slot file of `bytes` zeros; it and its name are durable. After an error it is gone again,
/// as far as that is possible: a full disk must get its space back.
MadeSlotFile make_slot_file(io::Directory& directory, const std::string& name, std::uint64_t bytes,
                            Fill fill, const Pace& pace);

/// Marks a drained slot as garbage, durably, cuts it `cut_bytes` at a time and removes it. May be
/// interrupted at any point and called again; what is left meanwhile is known by its mark or by
/// being short. A file that cannot be marked or cut is removed whole.
Result<void> delete_slot_file(io::Directory& directory, const std::string& name, io::File& file,
                              std::uint64_t cut_bytes, const Pace& pace);

}  // namespace spillway::wal
