// What a simulated disk answers when a test lets it fail.
#pragma once

#include <cerrno>

#include "wal/base/result.h"

namespace spillway::test {

inline constexpr Error kBroken{.code = Errc::kIo, .os_error = EIO, .what = "broken"};
inline constexpr Error kFull{.code = Errc::kNoSpace, .os_error = ENOSPC, .what = "full"};

}  // namespace spillway::test
