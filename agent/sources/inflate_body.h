// Decompressing a request body, up to a limit.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::agent {

/// `bytes` are gzip or zlib. kTooLarge as soon as more than `bytes_max` come out, however little
/// went in; kCorrupt for what is no such stream, is cut off, or has something behind it.
Result<std::string> inflate_body(std::string_view bytes, std::size_t bytes_max);

}  // namespace spillway::agent
