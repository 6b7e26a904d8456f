// A stopped or crashed channel, opened for reading only, and what recovery makes of it.
//
// Never writes: directories and files are opened through io::ReadOnlyDirectory, the agent's lock is
// looked at and not taken. Recovery is the engine's own, so that what a command shows is what the
// next start of the agent will find.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/recover/find_channel.h"
#include "agent/recover/refusal.h"
#include "checkpoint/key_check.h"
#include "checkpoint/manifest_store.h"
#include "checkpoint/recovery.h"
#include "wal/io/file.h"
#include "wal/key_ring.h"
#include "wal/options.h"
#include "wal/slot_pool.h"

namespace spillway::agent::recover {

struct OfflineChannel {
  ChannelDirs dirs;
  wal::LogOptions options;
  std::unique_ptr<io::Directory> checkpoint_directory;
  std::vector<std::unique_ptr<io::Directory>> data_directories;
  checkpoint::ManifestStore::Loaded manifests;
  std::unique_ptr<wal::SlotPool> slots;
  checkpoint::RecoveredLog log;
  std::vector<checkpoint::SegmentKey> segment_keys;  // of the encrypted segments

  /// Is the key of `segment` at hand, if it needs one?
  [[nodiscard]] bool can_read(const wal::Segment& segment) const {
    return segment.key_id == 0 ||
           (options.keys != nullptr && options.keys->find(segment.key_id) != nullptr);
  }
};

/// Reads the manifest and the tail of the log: time and memory do not grow with the backlog.
/// Refuses a directory that a live agent uses. Without the `keys` (may be nullptr) of encrypted
/// segments everything but events and acknowledgements in them is read.
std::optional<Refusal> open_channel(ChannelDirs dirs, std::shared_ptr<const wal::KeyRing> keys,
                                    OfflineChannel& channel);

/// Are there lost events that lay in a file which is not there? Elsewhere it may still be found.
bool lacks_files(const checkpoint::RecoveredLog& log);

/// An agent may have started after open_channel() looked; then what was read since is not to be
/// relied on.
std::optional<Refusal> check_not_in_use(const ChannelDirs& dirs);

}  // namespace spillway::agent::recover
