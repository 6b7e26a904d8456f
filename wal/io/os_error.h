// From errno to Error: the one place where the mapping is made.
#pragma once

#include <cerrno>
#include <cstdint>

#include "wal/base/result.h"

namespace spillway::io {

/// `os_error` is an errno value, `what` a static string that says what was attempted, `at` the
/// byte offset it was attempted at.
Error os_error(int os_error, const char* what, std::uint64_t at = 0);

/// Repeats a system call while a signal interrupts it.
template <class Call>
auto retry_interrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

}  // namespace spillway::io
