#include "agent/channels/file_channel_dirs.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "agent/home_path.h"

namespace spillway::agent {
namespace {

// Splits at commas; white space around an item is not part of it.
Result<std::vector<std::string>> directories(std::string_view text) {
  constexpr std::string_view kWhiteSpace = " \t";
  std::vector<std::string> paths;
  while (true) {
    const std::size_t end = std::min(text.find(','), text.size());
    std::string_view item = text.substr(0, end);
    item.remove_prefix(std::min(item.find_first_not_of(kWhiteSpace), item.size()));
    item = item.substr(0, item.find_last_not_of(kWhiteSpace) + 1);
    if (item.empty()) {
      return Error{.code = Errc::kBadConfig, .what = "dataDirs has an empty item"};
    }
    TRY_ASSIGN(auto path, expand_home(item));
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      return Error{.code = Errc::kBadConfig, .what = "dataDirs names a directory twice"};
    }
    paths.push_back(std::move(path));
    if (end == text.size()) return paths;
    text.remove_prefix(end + 1);
  }
}

}  // namespace

Result<FileChannelDirs> file_channel_dirs(const Config& config) {
  FileChannelDirs dirs;
  TRY_ASSIGN(dirs.checkpoint_dir, expand_home(config.string("checkpointDir")));
  TRY_ASSIGN(dirs.data_dirs, directories(config.string("dataDirs")));
  return dirs;
}

}  // namespace spillway::agent
