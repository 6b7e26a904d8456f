// How much memory this process may use, as far as the kernel tells.
#pragma once

#include <cstdint>
#include <filesystem>

namespace spillway::channel {

/// The smallest of physical memory and the limits of this process's memory control group and its
/// parents (version 1 or 2), in bytes. `root` is where /proc and /sys are, for tests.
/// 0 when nothing can be read.
std::uint64_t memory_limit_bytes(const std::filesystem::path& root = "/");

}  // namespace spillway::channel
