// Processor time that this process has used.
#pragma once

namespace spillway::bench {

/// User and system time of all threads, those that have ended too.
double cpu_seconds();

}  // namespace spillway::bench
