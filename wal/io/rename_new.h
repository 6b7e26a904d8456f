// Gives a finished file or directory its name, if that name is free.
#pragma once

#include <string>

#include "wal/base/result.h"

namespace spillway::io {

/// Renames `from` to `to` and syncs the directory of `to`: durable when it returns, if `from` was
/// in the same directory. kExists, and nothing has changed, when there is something called `to`.
Result<void> rename_new(const std::string& from, const std::string& to);

}  // namespace spillway::io
