// The channel types as components: their options, and how a channel is made from them.

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "agent/channels/encryption.h"
#include "agent/channels/file_channel_dirs.h"
#include "agent/channels/key_survey.h"
#include "agent/config.h"
#include "agent/registry.h"
#include "channel/file_channel.h"
#include "channel/memory_channel.h"
#include "channel/memory_limit.h"
#include "channel/null_channel.h"
#include "wal/base/bytes.h"
#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/io/posix_file_system.h"

namespace spillway::agent {
namespace {

using channel::Channel;
using channel::FileChannel;
using channel::FileChannelOptions;
using channel::MemoryChannel;

constexpr std::uint64_t kSegmentBytesMin = 4 * kMiB;  // a few blocks of the largest size

std::uint64_t transaction_capacity(const Config& config) {
  return config.count("transactionCapacity");
}

Result<void> check_capacities(const Config& config) {
  if (transaction_capacity(config) <= config.count("capacity")) return {};
  return Error{.code = Errc::kBadConfig, .what = "transactionCapacity is larger than capacity"};
}

// ---- memory

constexpr std::array kMemoryOptions{
    OptionSpec{.name = "capacity",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Most events in the channel, queued and taken.",
               .min = 1},
    OptionSpec{.name = "transactionCapacity",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Most events in one put or take; at most the capacity.",
               .min = 1},
    OptionSpec{.name = "keep-alive",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "How long a put waits for room before it fails."},
    OptionSpec{.name = "byteCapacity",
               .type = OptionType::kBytes,
               .default_value = "",
               .help = "Most bytes of event bodies; 0 for no limit; default: a fifth of the memory "
                       "this process may use."},
    OptionSpec{.name = "byteCapacityBufferPercentage",
               .type = OptionType::kCount,
               .default_value = "20",
               .help = "Share of byteCapacity set aside for headers, in percent.",
               .max = 99},
};

// Flume takes 80 % of the Java heap, whose own default is a quarter of the memory.
std::uint64_t default_byte_capacity() {
  return channel::memory_limit_bytes() / 5;
}

Result<std::uint64_t> byte_capacity_slots(const Config& config) {
  const std::uint64_t bytes =
      config.is_given("byteCapacity") ? config.bytes("byteCapacity") : default_byte_capacity();
  if (bytes == 0) return channel::Capacity::kUnlimited;
  const std::uint64_t slots =
      channel::memory_slots(bytes, config.count("byteCapacityBufferPercentage"));
  // Flume reads this as "no limit", which is the opposite of what was asked for.
  if (slots == 0) {
    return Error{.code = Errc::kBadConfig,
                 .what =
                     "byteCapacity without its buffer is below the 100 bytes of one slot; "
                     "write 0 for no limit"};
  }
  return slots;
}

Result<std::unique_ptr<Channel>> create_memory(const ComponentContext&, const Config& config) {
  TRY(check_capacities(config));
  TRY_ASSIGN(const std::uint64_t slots, byte_capacity_slots(config));
  return std::unique_ptr<Channel>(std::make_unique<MemoryChannel>(channel::MemoryChannelOptions{
      .capacity_events = config.count("capacity"),
      .transaction_capacity_events = transaction_capacity(config),
      .keep_alive = std::chrono::milliseconds(config.millis("keep-alive")),
      .byte_capacity_slots = slots}));
}

// ---- PseudoTxnMemoryChannel

constexpr std::array kPseudoOptions{
    OptionSpec{.name = "capacity",
               .type = OptionType::kCount,
               .default_value = "50",
               .help = "Most events in the channel, queued and taken.",
               .min = 1},
    OptionSpec{.name = "keep-alive",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "How long a put waits for room before it fails."},
};

std::uint64_t pseudo_capacity(const Config& config) {
  return config.count("capacity");
}

// Flume's lets sources and sinks see a transaction that is none: a rollback loses events there.
Result<std::unique_ptr<Channel>> create_pseudo(const ComponentContext&, const Config& config) {
  return std::unique_ptr<Channel>(std::make_unique<MemoryChannel>(channel::MemoryChannelOptions{
      .capacity_events = pseudo_capacity(config),
      .transaction_capacity_events = pseudo_capacity(config),
      .keep_alive = std::chrono::milliseconds(config.millis("keep-alive"))}));
}

// ---- null

std::uint64_t unlimited_transactions(const Config&) {
  return channel::NullChannel::kUnlimited;
}

Result<std::unique_ptr<Channel>> create_null(const ComponentContext&, const Config&) {
  return std::unique_ptr<Channel>(std::make_unique<channel::NullChannel>());
}

// ---- file

constexpr std::string_view kOneReplay =
    "has no effect: there is one way to recover, and its time does not grow with the backlog";
constexpr std::string_view kTwoManifests =
    "has no effect: the checkpoint is small and always kept twice";

constexpr std::array kFileOptions{
    OptionSpec{.name = "checkpointDir",
               .type = OptionType::kPath,
               .default_value = "~/.flume/file-channel/checkpoint",
               .help = "Directory of the checkpoint and of copies of damaged data; created if "
                       "missing."},
    OptionSpec{
        .name = "dataDirs",
        .type = OptionType::kPath,
        .default_value = "~/.flume/file-channel/data",
        .help =
            "Directories of the data files, separated by commas, one per disk; used in parallel."},
    OptionSpec{.name = "capacity",
               .type = OptionType::kCount,
               .default_value = "1000000",
               .help = "Most events in the channel, queued and taken.",
               .min = 1},
    OptionSpec{.name = "transactionCapacity",
               .type = OptionType::kCount,
               .default_value = "10000",
               .help = "Most events in one put or take; at most the capacity.",
               .min = 1},
    OptionSpec{.name = "keep-alive",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "How long a put waits for room before it fails."},
    OptionSpec{.name = "checkpointInterval",
               .type = OptionType::kMillis,
               .default_value = "30000",
               .help = "Longest time between two checkpoints.",
               .min = 1},
    OptionSpec{.name = "ackDurability",
               .type = OptionType::kEnum,
               .default_value = "lazy",
               .help = "When a sink's acknowledgement is on the disk: strict, before its "
                       "transaction ends; lazy, within milliseconds, and a crash before that "
                       "means second deliveries.",
               .choices = "lazy|strict"},
    OptionSpec{.name = "scrubIntervalSeconds",
               .type = OptionType::kSeconds,
               .default_value = "3600",
               .help = "How often data that waits on the disk is read and verified; 0: never."},
    OptionSpec{.name = "scrubRate",
               .type = OptionType::kBytes,
               .default_value = "8MiB",
               .help = "Bytes per second to read for that, at most.",
               .min = 64 * kKiB},
    OptionSpec{.name = "segmentSize",
               .type = OptionType::kBytes,
               .default_value = "64MiB",
               .help = "Size of one data file; one event must fit into it.",
               .min = kSegmentBytesMin,
               .max = 16 * kGiB},
    OptionSpec{.name = "maxFileSize",
               .type = OptionType::kBytes,
               .default_value = "1623195647",
               .help = "Upper limit of segmentSize where that is not written.",
               .min = kSegmentBytesMin},
    OptionSpec{.name = "cacheSize",
               .type = OptionType::kBytes,
               .default_value = "64MiB",
               .help = "Memory for events on their way to a sink; beyond it they are read back.",
               .min = kMiB},
    OptionSpec{.name = "maxBytes",
               .type = OptionType::kBytes,
               .default_value = "0",
               .help = "Most bytes of segments with unacknowledged events; 0 for no limit."},
    OptionSpec{.name = "minimumRequiredSpace",
               .type = OptionType::kBytes,
               .default_value = "524288000",
               .help = "Disk space to leave free: without that much on any data directory puts are "
                       "refused."},
    OptionSpec{.name = "durability",
               .type = OptionType::kEnum,
               .default_value = "commit",
               .help = "When a put succeeds: commit, once it is on the disk; async, at once, and "
                       "it is on the disk within maxLagMillis; os, once the device has it, maybe "
                       "in a cache that a power cut empties.",
               .choices = "commit|async|os"},
    OptionSpec{.name = "writePath",
               .type = OptionType::kEnum,
               .default_value = "threads",
               .help = "What keeps several writes in flight: threads, ring (io_uring), or auto, "
                       "which tries both on a spare data file once nothing else is written.",
               .choices = "threads|ring|auto"},
    OptionSpec{.name = "maxLagMillis",
               .type = OptionType::kMillis,
               .default_value = "10",
               .help = "With durability = async: how old the oldest event that is not on the disk "
                       "may be before puts wait.",
               .min = 1},
    OptionSpec{.name = "fsyncPerTransaction",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Flume's durability switch: false means durability = async."},
    OptionSpec{.name = "fsyncInterval",
               .type = OptionType::kSeconds,
               .default_value = "5",
               .help = "With fsyncPerTransaction = false: maxLagMillis, in seconds."},
    OptionSpec{.name = "checkpointOnClose",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Flume's checkpoint at a clean stop.",
               .notice = "has no effect: a clean stop always writes a checkpoint"},
    OptionSpec{.name = "useDualCheckpoints",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's backup of the checkpoint.",
               .notice = kTwoManifests},
    OptionSpec{.name = "backupCheckpointDir",
               .type = OptionType::kString,
               .default_value = "",
               .help = "Flume's directory for it.",
               .notice = kTwoManifests},
    OptionSpec{.name = "compressBackupCheckpoint",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's compression of it.",
               .notice = kTwoManifests},
    OptionSpec{.name = "use-log-replay-v1",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's first replay.",
               .notice = kOneReplay},
    OptionSpec{.name = "use-fast-replay",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Flume's replay without a queue.",
               .notice = kOneReplay},
    OptionSpec{.name = "encryption.activeKey",
               .type = OptionType::kString,
               .default_value = "",
               .help = "Key that encrypts new events; none: plain text, with the keys of older "
                       "events at hand."},
    OptionSpec{.name = "encryption.cipherProvider",
               .type = OptionType::kEnum,
               .default_value = "AESGCM",
               .help = "Cipher; there is one, AES-256-GCM.",
               .choices = "AESGCM|AESCTRNOPADDING",
               .notice = "AES-256-GCM is used: Flume's way repeats its key stream in every record",
               .notice_value = "AESCTRNOPADDING"},
    OptionSpec{.name = "encryption.keyProvider",
               .type = OptionType::kEnum,
               .default_value = "RAWFILE",
               .help = "Where keys are: a file for each, or a key store. Flume's JCEKSFILE is "
                       "refused with the command that converts it to PKCS12.",
               .choices = "RAWFILE|PKCS12|JCEKSFILE"},
    OptionSpec{.name = "encryption.keyProvider.keyStoreFile",
               .type = OptionType::kPath,
               .default_value = "",
               .help = "PKCS12: the key store."},
    OptionSpec{.name = "encryption.keyProvider.keyStorePasswordFile",
               .type = OptionType::kPath,
               .default_value = "",
               .help = "PKCS12: file with its password."},
    OptionSpec{.name = "encryption.keyProvider.keys",
               .type = OptionType::kList,
               .default_value = "",
               .help = "Names of the keys: the active one, and those of events not yet delivered."},
    OptionSpec{.name = "encryption.keyProvider.keys.*",
               .type = OptionType::kString,
               .default_value = "",
               .help = "RAWFILE: <name>.file, 32 bytes, or the same as hexadecimal digits or "
                       "base64. PKCS12: <name>.passwordFile, if the key has a password of its "
                       "own."},
};

std::uint64_t segment_bytes(const Config& config) {
  std::uint64_t bytes = config.bytes("segmentSize");
  if (!config.is_given("segmentSize")) bytes = std::min(bytes, config.bytes("maxFileSize"));
  return align_down(bytes, io::kBlockBytes);
}

// Flume's two keys say the same as ours, less exactly; ours win.
void set_durability(const Config& config, FileChannelOptions& options) {
  const std::string mode = config.string("durability");
  std::uint64_t lag_ms = config.millis("maxLagMillis");
  if (mode == "async") options.durability = channel::Durability::kAsync;
  if (mode == "os") options.durability = channel::Durability::kOs;
  if (!config.is_given("durability") && !config.boolean("fsyncPerTransaction")) {
    options.durability = channel::Durability::kAsync;
    if (!config.is_given("maxLagMillis")) lag_ms = config.millis("fsyncInterval");
  }
  options.log.lag_ns_max = lag_ms * 1'000'000;
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

Result<std::unique_ptr<Channel>> create_file(const ComponentContext& context,
                                             const Config& config) {
  static io::PosixFileSystem file_system;  // outlives every channel
  CHECK(context.clock != nullptr);
  TRY(check_capacities(config));
  TRY_ASSIGN(EncryptionConfig encryption, read_encryption(config));
  FileChannelOptions options;
  options.name = context.name;
  TRY_ASSIGN(FileChannelDirs dirs, file_channel_dirs(config));
  options.checkpoint_dir = std::move(dirs.checkpoint_dir);
  options.data_dirs = std::move(dirs.data_dirs);
  options.capacity_events = config.count("capacity");
  options.transaction_capacity = transaction_capacity(config);
  options.keep_alive = std::chrono::milliseconds(config.millis("keep-alive"));
  options.checkpoint_interval = std::chrono::milliseconds(config.millis("checkpointInterval"));
  options.ack_durability = config.string("ackDurability") == "strict"
                               ? channel::AckDurability::kStrict
                               : channel::AckDurability::kLazy;
  set_durability(config, options);
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
  return std::unique_ptr<Channel>(
      std::make_unique<FileChannel>(std::move(options), file_system, *context.clock));
}

}  // namespace

const ChannelType kFileChannelType{
    .name = "file",
    .java_class = "org.apache.flume.channel.file.FileChannel",
    .help = "Keeps events on disk: what was put survives crashes and power loss.",
    .options = kFileOptions,
    .transaction_capacity = transaction_capacity,
    .create = create_file,
    .examine = examine_keys};

const ChannelType kMemoryChannelType{
    .name = "memory",
    .java_class = "org.apache.flume.channel.MemoryChannel",
    .help = "Keeps events in memory: fast, and lost with the process.",
    .options = kMemoryOptions,
    .transaction_capacity = transaction_capacity,
    .create = create_memory};

const ChannelType kNullChannelType{.name = "null",
                                   .java_class = "",
                                   .help = "Accepts events, counts them and drops them.",
                                   .options = {},
                                   .transaction_capacity = unlimited_transactions,
                                   .create = create_null};

const ChannelType kPseudoTxnMemoryChannelType{
    .name = "pseudotxnmemory",
    .java_class = "org.apache.flume.channel.PseudoTxnMemoryChannel",
    .help =
        "Flume's channel for tests: a memory channel with the capacity as only limit; here its "
        "transactions are real.",
    .options = kPseudoOptions,
    .transaction_capacity = pseudo_capacity,
    .create = create_pseudo};

}  // namespace spillway::agent
