// Which keys the directory of an encrypted channel needs, for people.
#pragma once

#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"

namespace spillway::agent::recover {

/// One entry per key of `channel`, for `status` and `verify`; nothing for a plain channel.
void print_keys(const OfflineChannel& channel, Output& out);

}  // namespace spillway::agent::recover
