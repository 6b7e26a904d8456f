// From what the operator wrote to the directories of one file channel.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/channels/encryption.h"
#include "agent/recover/refusal.h"

namespace spillway::agent::recover {

/// One of three ways to name a channel: a directory, both kinds of directories, or a
/// configuration.
struct ChannelPlace {
  std::string directory{};
  std::string checkpoint_dir{};
  std::vector<std::string> data_dirs{};
  std::vector<std::string> config_files{};
  std::string agent_name{};
  std::string channel_name{};  // may be empty when the agent has one file channel
};

struct ChannelDirs {
  std::string checkpoint_dir{};
  std::vector<std::string> data_dirs{};  // each once; may name the checkpoint directory
  std::vector<std::string> notes{};      // what was assumed, for the operator
  // A repair of this channel was cut off; the directories hold a mixture, and data_dirs may be
  // empty (agent/recover/repair_journal.h knows them).
  bool has_unfinished_repair = false;
  EncryptionConfig encryption{};  // of the configuration that names the channel
};

/// Looks at names only, and creates nothing. A directory may be the checkpoint directory, a data
/// directory, both in one, or the one that has `checkpoint` and `data` in it.
std::optional<Refusal> find_channel(const ChannelPlace& place, ChannelDirs& dirs);

/// Is `path`, which need not exist, one of these directories or below one?
bool lies_in(const ChannelDirs& dirs, const std::string& path);

}  // namespace spillway::agent::recover
