// Replaces a small file so that a crash leaves the old or the new contents, never a mix.
#pragma once

#include <sys/types.h>

#include <string>

#include "wal/base/bytes.h"
#include "wal/base/result.h"

namespace spillway::io {

/// Writes `<path>.tmp`, syncs it, renames it over `path` and syncs the directory: durable when it
/// returns. On an error `path` holds the old or the new contents and the temporary file is gone.
/// An existing file keeps its permissions, a new one gets `new_file_mode`; a symbolic link is
/// replaced, not followed.
/// One caller per path at a time.
Result<void> replace_file(const std::string& path, ByteSpan contents, mode_t new_file_mode = 0640);

}  // namespace spillway::io
