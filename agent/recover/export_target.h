// Where exported events go: one class per format, behind one interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "channel/event.h"
#include "wal/base/bytes.h"
#include "wal/base/result.h"
#include "wal/bookmark.h"
#include "wal/key_ring.h"
#include "wal/position.h"

namespace spillway::agent::recover {

/// One thread. Until publish() has succeeded nothing has the final name; destroyed before that, it
/// removes what it has written.
class ExportTarget {
 public:
  ExportTarget() = default;
  ExportTarget(const ExportTarget&) = delete;
  ExportTarget& operator=(const ExportTarget&) = delete;
  virtual ~ExportTarget() = default;

  /// kExists: an export to the same place is running, or was cut off.
  virtual Result<void> create() = 0;

  /// `event` need not outlive the call.
  virtual Result<void> add(wal::Sequence sequence, const channel::EventView& event) = 0;

  /// Stored whole, but no event.
  virtual Result<void> add_undecodable(wal::Sequence, ByteSpan) { return {}; }

  /// Everything is durable. What is read back from it is what was added.
  virtual Result<void> finish() = 0;

  /// Gives it its name, durably. kExists: somebody has taken it.
  virtual Result<void> publish() = 0;

  [[nodiscard]] virtual std::uint64_t size_bytes() const = 0;

  /// Events that the format cannot hold exactly.
  [[nodiscard]] virtual std::uint64_t inexact_events() const { return 0; }
};

std::unique_ptr<ExportTarget> make_json_target(const std::string& path);
std::unique_ptr<ExportTarget> make_avro_target(const std::string& path);

/// A directory with `checkpoint` and `data` in it. `keys` (may be nullptr) encrypt it with their
/// active key. An agent's sources go on from `bookmarks`.
std::unique_ptr<ExportTarget> make_channel_target(const std::string& path, std::uint64_t slot_bytes,
                                                  std::shared_ptr<const wal::KeyRing> keys,
                                                  wal::Bookmarks bookmarks);

}  // namespace spillway::agent::recover
