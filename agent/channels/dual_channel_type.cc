// The dual channel as a component.

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "agent/channels/file_channel_dirs.h"
#include "agent/config.h"
#include "agent/registry.h"
#include "channel/dual_channel.h"
#include "channel/file_channel.h"
#include "channel/memory_channel.h"
#include "channel/memory_limit.h"
#include "wal/base/bytes.h"
#include "wal/base/check.h"
#include "wal/io/posix_file_system.h"

namespace spillway::agent {
namespace {

using channel::Channel;
using channel::FileChannelOptions;

constexpr std::array kDualOptions{
    OptionSpec{.name = "memoryCapacity",
               .type = OptionType::kCount,
               .default_value = "10000",
               .help = "Most events that are in memory only.",
               .min = 1},
    OptionSpec{.name = "byteCapacity",
               .type = OptionType::kBytes,
               .default_value = "",
               .help = "Most bytes of their bodies; 0 for no limit; default: a fifth of the memory "
                       "this process may use. With durability = commit: memory for events on "
                       "their way to a sink."},
    OptionSpec{.name = "byteCapacityBufferPercentage",
               .type = OptionType::kCount,
               .default_value = "20",
               .help = "Share of byteCapacity set aside for headers, in percent.",
               .max = 99},
    OptionSpec{.name = "overflowCapacity",
               .type = OptionType::kCount,
               .default_value = "100000000",
               .help = "Most events on disk; the channel holds as many and those in memory.",
               .min = 1},
    OptionSpec{.name = "durability",
               .type = OptionType::kEnum,
               .default_value = "memory",
               .help = "What a put is worth when it succeeds: memory, lost in a crash within "
                       "maxResidentMillis; commit, on the disk, as with a file channel.",
               .choices = "memory|commit"},
    OptionSpec{.name = "maxResidentMillis",
               .type = OptionType::kMillis,
               .default_value = "1000",
               .help = "Events that no sink has finished with by then are on the disk.",
               .min = 10},
    OptionSpec{.name = "spill.force",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Writes everything to disk at once, for a planned outage behind the sinks."},
    OptionSpec{.name = "spillPercentage",
               .type = OptionType::kCount,
               .default_value = "80",
               .help = "From this share of memoryCapacity or byteCapacity on events move to disk.",
               .min = 1,
               .max = 100},
    OptionSpec{.name = "transactionCapacity",
               .type = OptionType::kCount,
               .default_value = "10000",
               .help = "Most events in one put or take; at most both capacities together.",
               .min = 1},
    OptionSpec{.name = "keep-alive",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "How long a put waits for room before it fails."},
    OptionSpec{.name = "checkpointDir",
               .type = OptionType::kPath,
               .default_value = "~/.flume/file-channel/checkpoint",
               .help = "Directory of the checkpoint and of copies of damaged data; created if "
                       "missing."},
    OptionSpec{.name = "dataDirs",
               .type = OptionType::kPath,
               .default_value = "~/.flume/file-channel/data",
               .help = "Directories of the data files, separated by commas; used in turn."},
    OptionSpec{.name = "checkpointInterval",
               .type = OptionType::kMillis,
               .default_value = "30000",
               .help = "Longest time between two checkpoints.",
               .min = 1},
    OptionSpec{.name = "segmentSize",
               .type = OptionType::kBytes,
               .default_value = "64MiB",
               .help = "Size of one data file; one event must fit into it.",
               .min = 4 * kMiB,
               .max = 16 * kGiB},
    OptionSpec{.name = "maxBytes",
               .type = OptionType::kBytes,
               .default_value = "0",
               .help = "Most bytes of segments with unacknowledged events; 0 for no limit."},
    OptionSpec{.name = "minimumRequiredSpace",
               .type = OptionType::kBytes,
               .default_value = "524288000",
               .help = "Disk space to leave free: without that much on any data directory nothing "
                       "moves there."},
};

std::uint64_t capacity(const Config& config) {
  return config.count("memoryCapacity") + config.count("overflowCapacity");
}

std::uint64_t transaction_capacity(const Config& config) {
  return config.count("transactionCapacity");
}

std::uint64_t byte_capacity(const Config& config) {
  return config.is_given("byteCapacity") ? config.bytes("byteCapacity")
                                         : channel::memory_limit_bytes() / 5;
}

Result<FileChannelOptions> log_options(const ComponentContext& context, const Config& config) {
  FileChannelOptions options;
  options.name = context.name;
  TRY_ASSIGN(FileChannelDirs dirs, file_channel_dirs(config));
  options.checkpoint_dir = std::move(dirs.checkpoint_dir);
  options.data_dirs = std::move(dirs.data_dirs);
  options.capacity_events = capacity(config);
  options.transaction_capacity = transaction_capacity(config);
  options.keep_alive = std::chrono::milliseconds(config.millis("keep-alive"));
  options.checkpoint_interval = std::chrono::milliseconds(config.millis("checkpointInterval"));
  if (config.bytes("maxBytes") > 0) options.bytes_max = config.bytes("maxBytes");
  options.log.free_bytes_min = config.bytes("minimumRequiredSpace");
  options.log.slot_bytes = align_down(config.bytes("segmentSize"), io::kBlockBytes);
  return options;
}

Result<std::unique_ptr<Channel>> create_dual(const ComponentContext& context,
                                             const Config& config) {
  static io::PosixFileSystem file_system;  // outlives every channel
  CHECK(context.clock != nullptr);
  if (transaction_capacity(config) > capacity(config)) {
    return Error{.code = Errc::kBadConfig,
                 .what = "transactionCapacity is larger than memoryCapacity and overflowCapacity"};
  }
  TRY_ASSIGN(FileChannelOptions log, log_options(context, config));
  const std::uint64_t bytes = byte_capacity(config);
  if (config.string("durability") == "commit") {
    // Everything is logged: what memory is for is to spare consumers the way to the disk.
    log.log.cache_bytes_max = bytes == 0 ? SIZE_MAX : std::max<std::uint64_t>(bytes, kMiB);
    return std::unique_ptr<Channel>(
        std::make_unique<channel::FileChannel>(std::move(log), file_system, *context.clock));
  }
  channel::DualChannelOptions options;
  options.log = std::move(log);
  options.memory_events = config.count("memoryCapacity");
  if (bytes > 0) {
    options.memory_slots =
        channel::memory_slots(bytes, config.count("byteCapacityBufferPercentage"));
    if (options.memory_slots == 0) {
      return Error{.code = Errc::kBadConfig,
                   .what =
                       "byteCapacity without its buffer is below the 100 bytes of one slot; "
                       "write 0 for no limit"};
    }
  }
  options.spill_percent = config.count("spillPercentage");
  options.resident_max = std::chrono::milliseconds(config.millis("maxResidentMillis"));
  options.is_spilling_forced = config.boolean("spill.force");
  return std::unique_ptr<Channel>(
      std::make_unique<channel::DualChannel>(std::move(options), file_system, *context.clock));
}

}  // namespace

const ChannelType kDualChannelType{
    .name = "dual",
    .java_class = "",
    .help = "Keeps events in memory while sinks keep up, and moves them to disk when they do not.",
    .options = kDualOptions,
    .transaction_capacity = transaction_capacity,
    .create = create_dual};

}  // namespace spillway::agent
