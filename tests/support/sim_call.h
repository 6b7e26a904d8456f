// One call through the storage seam, as SimDisk numbers them.
#pragma once

#include <cstdint>
#include <string>

namespace spillway::test {

enum class SimCallKind : std::uint8_t {
  kOpenDirectory,
  kOpenQueue,
  kOpen,
  kCreate,
  kList,
  kRemove,
  kSyncDirectory,
  kSpace,
  kLock,
  kRead,
  kWrite,
  kSubmit,
  kSync,
  kSize,
  kAllocate,
  kTruncate,
};

/// What a power loss may undo.
enum class SimOpKind : std::uint8_t { kWrite, kGrow, kShrink, kCreate, kRemove };

enum class CrashPhase : std::uint8_t {
  kBefore,           // the call has no effect
  kAfterSubmit,      // its effect is pending
  kAfterCompletion,  // its effect is complete, but nobody is told
};

struct SimCall {
  std::uint64_t number = 0;  // from 1
  SimCallKind kind = SimCallKind::kRead;
  std::string path = {};
  std::uint64_t offset = 0;
  std::uint64_t size_bytes = 0;
};

/// False where the three crash phases leave the same disk behind.
bool changes_disk(SimCallKind kind);

/// "call 12: write dir/log 4096+8192".
std::string to_string(const SimCall& call);

}  // namespace spillway::test
