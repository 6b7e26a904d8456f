// From errno to Error.
#pragma once

#include "wal/base/result.h"

namespace spillway::io {

/// `os_error` is an errno value, `what` a static string that says what was attempted.
Error os_error(int os_error, const char* what);

}  // namespace spillway::io
