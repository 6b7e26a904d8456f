#include "agent/channels/log_options.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "agent/channels/encryption.h"
#include "agent/channels/file_channel_dirs.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

std::uint64_t segment_bytes(const Config& config) {
  std::uint64_t bytes = config.bytes("segmentSize");
  if (!config.is_given("segmentSize")) bytes = std::min(bytes, config.bytes("maxFileSize"));
  return align_down(bytes, io::kBlockBytes);
}

wal::WritePath write_path(const Config& config) {
  const std::string path = config.string("writePath");
  if (path == "threads") return wal::WritePath::kThreads;
  return path == "ring" ? wal::WritePath::kRing : wal::WritePath::kAuto;
}

Result<std::shared_ptr<const wal::KeyRing>> load_channel_keys(const std::string& channel,
                                                              const EncryptionConfig& encryption) {
  std::string problem;
  std::shared_ptr<const wal::KeyRing> keys = load_keys(encryption, problem);
  if (problem.empty()) return keys;
  log_error("channel.key_unreadable", "a key of the channel cannot be read",
            {{"channel", channel}, {"reason", problem}});
  return Error{.code = Errc::kNotFound, .what = "a key of the channel cannot be read"};
}

}  // namespace

Result<channel::FileChannelOptions> read_log_options(const ComponentContext& context,
                                                     const Config& config) {
  TRY_ASSIGN(EncryptionConfig encryption, read_encryption(config));
  channel::FileChannelOptions options;
  options.name = context.name;
  TRY_ASSIGN(FileChannelDirs dirs, file_channel_dirs(config));
  options.checkpoint_dir = std::move(dirs.checkpoint_dir);
  options.data_dirs = std::move(dirs.data_dirs);
  options.checkpoint_interval = std::chrono::milliseconds(config.millis("checkpointInterval"));
  options.ack_durability = config.string("ackDurability") == "strict"
                               ? channel::AckDurability::kStrict
                               : channel::AckDurability::kLazy;
  options.scrub.interval = std::chrono::seconds(config.millis("scrubIntervalSeconds") / 1000);
  options.scrub.bytes_per_second = config.bytes("scrubRate");
  if (config.bytes("maxBytes") > 0) options.bytes_max = config.bytes("maxBytes");
  options.log.free_bytes_min = config.bytes("minimumRequiredSpace");
  options.log.slot_bytes = segment_bytes(config);
  options.log.write_path = write_path(config);
  options.log.cache_bytes_max = config.bytes("cacheSize");
  options.load_keys = [name = context.name, encryption = std::move(encryption)] {
    return load_channel_keys(name, encryption);
  };
  return options;
}

}  // namespace spillway::agent
