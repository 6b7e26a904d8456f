#include "tests/support/sim_call.h"

#include <fmt/format.h>

#include <array>

namespace spillway::test {
namespace {

// In the order of SimCallKind.
constexpr std::array kNames{"open directory", "open queue", "open",           "create",
                            "list",           "remove",     "sync directory", "space",
                            "lock",           "read",       "write",          "submit",
                            "sync",           "size",       "allocate",       "truncate"};

}  // namespace

bool changes_disk(SimCallKind kind) {
  switch (kind) {
    case SimCallKind::kCreate:
    case SimCallKind::kRemove:
    case SimCallKind::kSyncDirectory:
    case SimCallKind::kLock:
    case SimCallKind::kWrite:
    case SimCallKind::kSubmit:
    case SimCallKind::kSync:
    case SimCallKind::kAllocate:
    case SimCallKind::kTruncate:
      return true;
    default:
      return false;
  }
}

std::string to_string(const SimCall& call) {
  return fmt::format("call {}: {} {} {}+{}", call.number,
                     kNames.at(static_cast<std::size_t>(call.kind)), call.path, call.offset,
                     call.size_bytes);
}

}  // namespace spillway::test
