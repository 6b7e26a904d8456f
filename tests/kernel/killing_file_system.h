// The real file system, for a process that kills itself before or after the n-th call of a kind:
// the named points at which a crash is interesting, without hooks in the engine.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "wal/io/file.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {

enum class KillPoint : std::uint8_t {
  kNone,
  kCreateSlot,
  kSegmentHeader,  // the first blocks of a slot: a segment begins, or is marked as discarded
  kBlock,          // any other write to a slot, or one that prepares it
  kManifest,
  kTruncate,
  kAllocate,
  kSyncFile,
  kSyncDirectory,
  kRemove,
  kSubmit,  // of a ring
  kReap,
};

inline constexpr std::array<const char*, 12> kKillPointNames{
    "none",     "create slot", "segment header", "block",  "manifest", "truncate",
    "allocate", "sync file",   "sync directory", "remove", "submit",   "reap"};

struct KillPlan {
  KillPoint point = KillPoint::kNone;
  std::uint64_t number = 1;  // of the calls of that kind, from 1
  bool is_after = false;     // the call has been done
};

/// Does the call in between.
class KillSwitch {
 public:
  explicit KillSwitch(const KillPlan& plan) : plan_(plan) {}

  template <class Call>
  auto pass(KillPoint point, Call call) {
    const bool is_here = point == plan_.point && ++calls_ == plan_.number;
    if (is_here && !plan_.is_after) die();
    auto result = call();
    if (is_here) die();
    return result;
  }

 private:
  [[noreturn]] static void die();

  const KillPlan plan_;
  std::atomic<std::uint64_t> calls_{0};
};

class KillingFileSystem final : public io::FileSystem {
 public:
  explicit KillingFileSystem(const KillPlan& plan) : kill_(plan) {}

  Result<std::unique_ptr<io::Directory>> open_directory(const std::string& path,
                                                        Missing missing) override;
  Result<std::unique_ptr<io::WriteQueue>> open_write_queue(std::size_t depth,
                                                           io::Durability durability) override;

 private:
  KillSwitch kill_;
  io::PosixFileSystem real_;
};

}  // namespace spillway::test
