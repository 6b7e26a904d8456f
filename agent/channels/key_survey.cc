#include "agent/channels/key_survey.h"

#include <memory>

#include "agent/channels/encryption.h"
#include "agent/channels/file_channel_dirs.h"
#include "checkpoint/key_check.h"
#include "checkpoint/manifest_store.h"
#include "checkpoint/recovery.h"
#include "wal/io/read_only_directory.h"
#include "wal/slot_pool.h"

namespace spillway::agent {
namespace {

// Recovery decides which segments are in use, as at a start.
Result<std::vector<std::string>> missing_in(const FileChannelDirs& dirs,
                                            const std::shared_ptr<const wal::KeyRing>& keys) {
  wal::LogOptions options;
  options.background = wal::Background::kNone;
  options.keys = keys;
  TRY_ASSIGN(const auto checkpoint_dir, io::ReadOnlyDirectory::open_path(dirs.checkpoint_dir));
  std::vector<std::unique_ptr<io::Directory>> opened;
  std::vector<io::Directory*> data_dirs;
  for (const std::string& path : dirs.data_dirs) {
    TRY_ASSIGN(auto directory, io::ReadOnlyDirectory::open_path(path));
    opened.push_back(std::move(directory));
    data_dirs.push_back(opened.back().get());
  }
  checkpoint::ManifestStore store(*checkpoint_dir);
  TRY_ASSIGN(const auto manifests, store.load(checkpoint::ManifestStore::Access::kReadOnly));
  wal::SlotPool slots(data_dirs, options, io::OpenMode::kRead);
  TRY(slots.open());
  TRY_ASSIGN(const auto log, checkpoint::recover_log(manifests, slots, options, {}));
  TRY_ASSIGN(const auto missing, checkpoint::missing_keys(log, slots, keys.get()));
  std::vector<std::string> reasons;
  for (const checkpoint::SegmentKey& key : missing) {
    reasons.push_back(checkpoint::missing_in_words(key, keys.get()));
  }
  return reasons;
}

}  // namespace

std::vector<std::string> examine_keys(const Config& config) {
  const auto encryption = read_encryption(config);
  const auto dirs = file_channel_dirs(config);
  if (!encryption.has_value() || !dirs.has_value()) return {};  // create() has refused it
  std::string problem;
  const std::shared_ptr<const wal::KeyRing> keys = load_keys(encryption.value(), problem);
  if (!problem.empty()) return {problem};
  auto missing = missing_in(dirs.value(), keys);
  if (!missing.has_value()) return {};
  return std::move(missing.value());
}

}  // namespace spillway::agent
