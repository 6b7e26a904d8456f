// Where a configured file channel keeps its files: for the channel itself and the offline tools.
#pragma once

#include <string>
#include <vector>

#include "agent/config.h"
#include "wal/base/result.h"

namespace spillway::agent {

struct FileChannelDirs {
  std::string checkpoint_dir;
  std::vector<std::string> data_dirs;  // at least one, none twice
};

/// From the options checkpointDir and dataDirs, with ~ expanded. kBadConfig for an empty or
/// repeated item.
Result<FileChannelDirs> file_channel_dirs(const Config& config);

}  // namespace spillway::agent
