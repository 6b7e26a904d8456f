// Paths below the home directory, as Flume's defaults have them.
#pragma once

#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::agent {

/// Replaces a leading "~" or "~/" by the home directory of the user who runs the process: $HOME,
/// else the password database. kBadConfig when neither knows it. Other paths stay as they are.
Result<std::string> expand_home(std::string_view path);

}  // namespace spillway::agent
