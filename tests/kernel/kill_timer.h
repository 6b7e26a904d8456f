// SIGKILL at any instant.
#pragma once

#include <cstdint>

namespace spillway::test {

/// Ends this process that long from now, between any two instructions.
void kill_in(std::uint64_t nanoseconds);

}  // namespace spillway::test
