// The size of the slot files that the tests of slots make.
#pragma once

#include <cstdint>

#include "wal/base/bytes.h"

namespace spillway::wal {

inline constexpr std::uint64_t kSmallSlotBytes = 64 * kKiB;

}  // namespace spillway::wal
