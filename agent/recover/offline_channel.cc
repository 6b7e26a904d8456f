#include "agent/recover/offline_channel.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>

#include "wal/io/posix_lock.h"
#include "wal/io/read_only_directory.h"

namespace spillway::agent::recover {
namespace {

Refusal refuse(const std::string& path, const Error& error) {
  return {.reason = fmt::format("{}: {}", path, to_string(error))};
}

std::optional<Refusal> check_owner(const std::string& path) {
  const auto owner = io::lock_owner(path);
  if (!owner.has_value()) return refuse(path, owner.error());
  if (!owner.value()) return std::nullopt;
  const std::int64_t pid = *owner.value();
  if (pid == ::getpid()) return std::nullopt;  // locked by us, against agents
  const std::string who =
      pid == 0 ? "a process that is not visible from here" : fmt::format("process {}", pid);
  return Refusal{.reason = fmt::format(
                     "{} is in use by {}. The files of a running agent change while they are "
                     "read: stop it first, or look at a copy of the directory",
                     path, who)};
}

}  // namespace

std::optional<Refusal> check_not_in_use(const ChannelDirs& dirs) {
  if (auto refusal = check_owner(dirs.checkpoint_dir)) return refusal;
  for (const std::string& path : dirs.data_dirs) {
    if (auto refusal = check_owner(path)) return refusal;
  }
  return std::nullopt;
}

bool lacks_files(const checkpoint::RecoveredLog& log) {
  using checkpoint::Finding;
  const auto& segments = log.segments;
  // Known by the manifest, or by the segment behind it alone. One in between whose events were all
  // delivered may be gone for good reason.
  return std::any_of(log.findings.begin(), log.findings.end(), [&](const Finding& finding) {
    if (finding.kind == Finding::Kind::kSlotMissing) return true;
    if (finding.kind != Finding::Kind::kLost || finding.wanted == 0) return false;
    for (std::size_t i = 1; i < segments.size(); ++i) {
      const bool has_gap = segments[i].number.value > segments[i - 1].number.value + 1;
      if (has_gap && finding.lost.entries.end == segments[i].first_sequence) return true;
    }
    return false;
  });
}

std::optional<Refusal> open_channel(ChannelDirs dirs, std::shared_ptr<const wal::KeyRing> keys,
                                    OfflineChannel& channel) {
  channel.dirs = std::move(dirs);
  channel.options.background = wal::Background::kNone;
  channel.options.keys = std::move(keys);
  if (auto refusal = check_not_in_use(channel.dirs)) return refusal;

  auto opened = io::ReadOnlyDirectory::open_path(channel.dirs.checkpoint_dir);
  if (!opened.has_value()) return refuse(channel.dirs.checkpoint_dir, opened.error());
  channel.checkpoint_directory = std::move(opened.value());
  std::vector<io::Directory*> directories;
  for (const std::string& path : channel.dirs.data_dirs) {
    auto data = io::ReadOnlyDirectory::open_path(path);
    if (!data.has_value()) return refuse(path, data.error());
    channel.data_directories.push_back(std::move(data.value()));
    directories.push_back(channel.data_directories.back().get());
  }

  checkpoint::ManifestStore store(*channel.checkpoint_directory);
  auto manifests = store.load(checkpoint::ManifestStore::Access::kReadOnly);
  if (!manifests.has_value()) {
    return refuse(channel.dirs.checkpoint_dir + "/manifest", manifests.error());
  }
  channel.manifests = std::move(manifests.value());
  channel.slots =
      std::make_unique<wal::SlotPool>(std::move(directories), channel.options, io::OpenMode::kRead);
  const auto listed = channel.slots->open();
  const std::string data_dirs = fmt::format("{}", fmt::join(channel.dirs.data_dirs, ", "));
  if (!listed.has_value()) return refuse(data_dirs, listed.error());
  auto log = checkpoint::recover_log(channel.manifests, *channel.slots, channel.options, {});
  if (!log.has_value()) return refuse(data_dirs, log.error());
  channel.log = std::move(log.value());
  auto segment_keys = checkpoint::keys_of(channel.log, *channel.slots);
  if (!segment_keys.has_value()) return refuse(data_dirs, segment_keys.error());
  channel.segment_keys = std::move(segment_keys.value());
  return std::nullopt;
}

}  // namespace spillway::agent::recover
