// fsync of a directory by path.
#pragma once

#include <string>

#include "wal/base/result.h"

namespace spillway::io {

/// Makes the names created, renamed and removed in the directory `path` durable.
Result<void> sync_directory(const std::string& path);

}  // namespace spillway::io
