// ConfinedDirectory: makes directories and files below one directory, and nowhere else.
//
// Whatever a path says: no `..`, no absolute path and no symbolic link leads out, not even one
// that somebody puts there meanwhile, because each step is taken from an open directory.
#pragma once

#include <string>
#include <string_view>

#include "wal/base/result.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {

/// `path` as it may be used below a directory: without empty parts, and with '_' for parts that
/// are `.` or `..`; no part longer than a file name may be.
std::string confined_path(std::string_view path);

/// Opens `path` (a confined_path, may be empty) below `root`, creating what is missing.
Result<io::OwnedFd> open_confined(const std::string& root, std::string_view path);

}  // namespace spillway::agent
