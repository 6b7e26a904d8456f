// A store that takes events durably: ours and the embedded ones it is compared with.
//
// Each is set up as its makers would for this load, and no less durable than ours: a put that
// returned has been flushed to the device.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::bench {

class Peer {
 public:
  Peer() = default;
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  virtual ~Peer() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;

  /// Commits `events` in one transaction, in order behind what is there. Thread-safe.
  virtual Result<void> put(std::span<const std::string_view> events) = 0;

  /// Forgets all events and recycles their space, as a queue does whose consumers keep up. Nothing
  /// else runs meanwhile, and it is not measured.
  virtual Result<void> clear() = 0;
};

/// Each works in a directory of its own, which exists and is empty.
Result<std::unique_ptr<Peer>> open_spillway(const std::string& directory);
Result<std::unique_ptr<Peer>> open_rocksdb(const std::string& directory);
Result<std::unique_ptr<Peer>> open_lmdb(const std::string& directory);
Result<std::unique_ptr<Peer>> open_sqlite(const std::string& directory);

}  // namespace spillway::bench
