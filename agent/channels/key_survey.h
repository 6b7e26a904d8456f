// Do the keys of a file channel's configuration open what is in its directories?
#pragma once

#include <string>
#include <vector>

#include "agent/config.h"

namespace spillway::agent {

/// One sentence for each key that cannot be read, or that stored events need and that is missing or
/// wrong. Reads only; directories that do not exist yet, or that cannot be read, have nothing to
/// say. ChannelType::examine of the file channel.
std::vector<std::string> examine_keys(const Config& config);

}  // namespace spillway::agent
