// A new file channel that is filled with the events of another one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/recover/offline_channel.h"
#include "channel/event_batch.h"
#include "channel/file_channel.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/bookmark.h"
#include "wal/io/posix_file_system.h"
#include "wal/key_ring.h"

namespace spillway::agent::recover {

/// The key ring for a copy of `channel`: plain text if all of it is, else the key of its newest
/// encrypted segment is active. The key must be at hand.
Result<std::shared_ptr<const wal::KeyRing>> keys_for_copy(const OfflineChannel& channel);

/// The size of the slot files of a copy: the largest there is, so that each event fits.
std::uint64_t slot_bytes_for_copy(const OfflineChannel& channel);

/// One thread; no other ones behind it. Transactions are not those of the original.
class ChannelCopy {
 public:
  struct Place {
    std::string checkpoint_dir;
    std::vector<std::string> data_dirs;
  };

  /// The directories are created; there must be nothing in them. Sources that go on with the copy
  /// begin at `bookmarks`.
  ChannelCopy(Place place, std::uint64_t slot_bytes, std::shared_ptr<const wal::KeyRing> keys,
              wal::Bookmarks bookmarks);

  Result<void> create();
  Result<void> add(const channel::EventView& event);

  /// Everything is durable, the channel is closed in order, and recovery finds it so.
  Result<void> finish();

  [[nodiscard]] std::uint64_t events() const { return events_; }
  /// Once finished.
  [[nodiscard]] std::uint64_t log_bytes() const { return log_bytes_; }

 private:
  Result<void> put();
  Result<void> check() const;

  const Place place_;
  const std::shared_ptr<const wal::KeyRing> keys_;
  const wal::Bookmarks bookmarks_;
  io::PosixFileSystem file_system_;
  SystemClock clock_;
  std::unique_ptr<channel::FileChannel> channel_;
  channel::EventBatch batch_;
  std::uint64_t events_ = 0;
  std::uint64_t log_bytes_ = 0;
};

}  // namespace spillway::agent::recover
