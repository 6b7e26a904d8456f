// The keys of an encrypted channel in the offline commands: where they come from, and which of them
// the directory needs.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/recover/find_channel.h"
#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "agent/recover/refusal.h"
#include "wal/key_ring.h"

namespace spillway::agent::recover {

/// From `named` ("name=file", as keyProvider RAWFILE has them) and from the configuration that
/// named the channel. Keys of the configuration that cannot be read are a note on standard error:
/// most questions are answered without; one that was named is a refusal.
std::optional<Refusal> collect_keys(const ChannelDirs& dirs, const std::vector<std::string>& named,
                                    std::shared_ptr<const wal::KeyRing>& keys);

/// One entry per key of `channel`, for `status` and `verify`; nothing for a plain channel.
void print_keys(const OfflineChannel& channel, Output& out);

}  // namespace spillway::agent::recover
