// LineSender: numbered lines over TCP connections to a collector, and how long it takes until the
// collector has read them and has written them all. One thread, which sleeps when nobody reads.
#pragma once

#include <cstdint>
#include <string>

#include "wal/base/result.h"

namespace spillway::bench {

struct LineLoad {
  std::uint16_t port = 0;  // of the loopback interface
  std::size_t connections = 1;
  std::uint64_t first = 0;  // number of the first line
  std::uint64_t lines = 0;
  std::string output = {};         // directory whose files the collector writes; empty: do not wait
  std::uint64_t output_bytes = 0;  // in all of its files, once everything is written
  std::uint64_t timeout_ns = 0;
};

/// Since the first byte.
struct LineTimes {
  double sent_seconds = 0;     // the kernel has everything
  double read_seconds = 0;     // the collector has read every stream to its end, and closed it
  double written_seconds = 0;  // its files have everything; 0: not waited for
};

/// The lines are divided evenly among the connections. kUnavailable: no connection; kTimeout.
Result<LineTimes> send_lines(const LineLoad& load);

/// Seconds from the first byte in the files of `directory` until they have `bytes`. kTimeout.
Result<double> await_output(const std::string& directory, std::uint64_t bytes,
                            std::uint64_t timeout_ns);

/// Of the regular files of `directory`; 0 when it does not exist.
std::uint64_t files_bytes(const std::string& directory);

}  // namespace spillway::bench
