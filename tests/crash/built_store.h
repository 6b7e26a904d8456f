// Small channel directories in the real format, for the fault atlas to damage.
#pragma once

#include <string>
#include <vector>

#include "channel/file_channel.h"
#include "tests/crash/store_truth.h"

namespace spillway::test {

enum class StoreKind : std::uint8_t {
  kStopped,  // closed in order: a clean manifest
  kCrashed,  // cut off behind its last commit
  kQuiet,    // cut off after a block without entries has proven the last commit durable
};

/// For names of tests.
std::string store_name(StoreKind kind);

/// Slots of 32 KiB, blocks of one device block, no threads.
channel::FileChannelOptions atlas_options();

/// About 40 transactions over several segments in recycled slots, some acknowledged, out of order,
/// too, with large ones before and behind the last checkpoint. One segment in the middle has been
/// reclaimed.
struct BuiltStore {
  StoreTruth truth;
  std::vector<std::string> bodies;  // by sequence, from 1
  DiskImage earlier;                // what the same slots held before they were recycled
};

BuiltStore build_store(StoreKind kind);

}  // namespace spillway::test
