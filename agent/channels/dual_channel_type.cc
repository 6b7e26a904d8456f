// The dual channel as a component, and under the name and with the keys of Flume's.

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "agent/channels/key_survey.h"
#include "agent/channels/log_options.h"
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

constexpr OptionSpec kBufferPercentage{
    .name = "byteCapacityBufferPercentage",
    .type = OptionType::kCount,
    .default_value = "20",
    .help = "Share of byteCapacity set aside for headers, in percent.",
    .max = 99};
constexpr OptionSpec kTransactionCapacity{
    .name = "transactionCapacity",
    .type = OptionType::kCount,
    .default_value = "10000",
    .help = "Most events in one put or take; at most both capacities together.",
    .min = 1};

constexpr std::array kOwnDualOptions{
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
    kBufferPercentage,
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
    kTransactionCapacity,
    OptionSpec{.name = "keep-alive",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "How long a put waits for room before it fails."},
};
constexpr auto kDualOptions = with_log_options(kOwnDualOptions);

// ---- Flume's SpillableMemoryChannel

constexpr std::string_view kWholeMoves =
    "has no effect: events stay in memory again once nothing waits on the disk";
constexpr std::string_view kAlwaysDurable =
    "has no effect: what moves to the disk is always durable there";

constexpr std::array kOwnSpillableOptions{
    OptionSpec{.name = "memoryCapacity",
               .type = OptionType::kCount,
               .default_value = "10000",
               .help = "Most events that are in memory only; 0: a file channel."},
    OptionSpec{.name = "overflowCapacity",
               .type = OptionType::kCount,
               .default_value = "100000000",
               .help = "Most events on disk; 0: a memory channel."},
    OptionSpec{.name = "overflowTimeout",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "How long a put waits for room before it fails."},
    OptionSpec{.name = "overflowDeactivationThreshold",
               .type = OptionType::kCount,
               .default_value = "5",
               .help = "Flume's share of free memory, in percent, to go back to memory at.",
               .max = 100,
               .notice = kWholeMoves},
    OptionSpec{.name = "byteCapacity",
               .type = OptionType::kBytes,
               .default_value = "",
               .help = "Most bytes of bodies in memory; 0 for no limit; default: a fifth of the "
                       "memory this process may use."},
    kBufferPercentage,
    OptionSpec{.name = "avgEventSize",
               .type = OptionType::kBytes,
               .default_value = "500",
               .help = "Unit in which byteCapacity is counted: each body takes a whole number.",
               .min = 1},
    kTransactionCapacity,
    OptionSpec{.name = "keep-alive",
               .type = OptionType::kSeconds,
               .default_value = "3",
               .help = "Flume's key of its file channel.",
               .notice = "has no effect: overflowTimeout is how long a put waits"},
    OptionSpec{.name = "capacity",
               .type = OptionType::kCount,
               .default_value = "0",
               .help = "Flume's key of its file channel.",
               .notice = "has no effect: overflowCapacity is the capacity on disk"},
    OptionSpec{.name = "fsyncPerTransaction",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Flume's durability switch of its file channel.",
               .notice = kAlwaysDurable},
    OptionSpec{.name = "fsyncInterval",
               .type = OptionType::kSeconds,
               .default_value = "5",
               .help = "Flume's interval of it.",
               .notice = kAlwaysDurable},
};
constexpr auto kSpillableOptions = with_log_options(kOwnSpillableOptions);

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

Result<std::uint64_t> slots_of(const Config& config, std::uint64_t slot_bytes) {
  const std::uint64_t bytes = byte_capacity(config);
  if (bytes == 0) return channel::Capacity::kUnlimited;
  const std::uint64_t slots =
      channel::memory_slots(bytes, config.count("byteCapacityBufferPercentage"), slot_bytes);
  if (slots > 0) return slots;
  return Error{.code = Errc::kBadConfig,
               .what =
                   "byteCapacity without its buffer is below the size of one event; "
                   "write 0 for no limit"};
}

io::FileSystem& file_system() {
  static io::PosixFileSystem instance;  // outlives every channel
  return instance;
}

Result<FileChannelOptions> log_options(const ComponentContext& context, const Config& config,
                                       std::string_view wait_key) {
  CHECK(context.clock != nullptr);
  if (transaction_capacity(config) > capacity(config)) {
    return Error{.code = Errc::kBadConfig,
                 .what = "transactionCapacity is larger than memoryCapacity and overflowCapacity"};
  }
  TRY_ASSIGN(FileChannelOptions options, read_log_options(context, config));
  options.capacity_events = capacity(config);
  options.transaction_capacity = transaction_capacity(config);
  options.keep_alive = std::chrono::milliseconds(config.millis(wait_key));
  return options;
}

Result<std::unique_ptr<Channel>> create_dual(const ComponentContext& context,
                                             const Config& config) {
  TRY_ASSIGN(FileChannelOptions log, log_options(context, config, "keep-alive"));
  if (config.string("durability") == "commit") {
    // Everything is logged: what memory is for is to spare consumers the way to the disk.
    const std::uint64_t bytes = byte_capacity(config);
    if (!config.is_given("cacheSize")) {
      log.log.cache_bytes_max = bytes == 0 ? SIZE_MAX : std::max<std::uint64_t>(bytes, kMiB);
    }
    return std::unique_ptr<Channel>(
        std::make_unique<channel::FileChannel>(std::move(log), file_system(), *context.clock));
  }
  channel::DualChannelOptions options;
  options.log = std::move(log);
  options.memory_events = config.count("memoryCapacity");
  TRY_ASSIGN(options.memory_slots, slots_of(config, options.slot_bytes));
  options.log_events = config.count("overflowCapacity");
  options.spill_percent = config.count("spillPercentage");
  options.resident_max = std::chrono::milliseconds(config.millis("maxResidentMillis"));
  options.is_spilling_forced = config.boolean("spill.force");
  return std::unique_ptr<Channel>(
      std::make_unique<channel::DualChannel>(std::move(options), file_system(), *context.clock));
}

// Flume's keys; where they leave something open, as `dual` has it by default.
Result<std::unique_ptr<Channel>> create_spillable(const ComponentContext& context,
                                                  const Config& config) {
  const std::uint64_t memory_events = config.count("memoryCapacity");
  const std::uint64_t log_events = config.count("overflowCapacity");
  if (memory_events == 0 && log_events == 0) {
    return Error{.code = Errc::kBadConfig,
                 .what = "memoryCapacity and overflowCapacity are both 0: nothing has room"};
  }
  const std::uint64_t slot_bytes = config.bytes("avgEventSize");
  if (log_events == 0) {
    if (transaction_capacity(config) > memory_events && config.is_given("transactionCapacity")) {
      return Error{.code = Errc::kBadConfig,
                   .what = "transactionCapacity is larger than memoryCapacity"};
    }
    TRY_ASSIGN(const std::uint64_t slots, slots_of(config, slot_bytes));
    return std::unique_ptr<Channel>(
        std::make_unique<channel::MemoryChannel>(channel::MemoryChannelOptions{
            .capacity_events = memory_events,
            .transaction_capacity_events = std::min(memory_events, transaction_capacity(config)),
            .keep_alive = std::chrono::milliseconds(config.millis("overflowTimeout")),
            .byte_capacity_slots = slots,
            .slot_bytes = slot_bytes}));
  }
  TRY_ASSIGN(FileChannelOptions log, log_options(context, config, "overflowTimeout"));
  if (memory_events == 0) {
    return std::unique_ptr<Channel>(
        std::make_unique<channel::FileChannel>(std::move(log), file_system(), *context.clock));
  }
  channel::DualChannelOptions options;
  options.log = std::move(log);
  options.memory_events = memory_events;
  options.log_events = log_events;
  options.slot_bytes = slot_bytes;
  TRY_ASSIGN(options.memory_slots, slots_of(config, slot_bytes));
  return std::unique_ptr<Channel>(
      std::make_unique<channel::DualChannel>(std::move(options), file_system(), *context.clock));
}

}  // namespace

const ChannelType kDualChannelType{
    .name = "dual",
    .java_class = "",
    .help = "Keeps events in memory while sinks keep up, and moves them to disk when they do not.",
    .options = kDualOptions,
    .transaction_capacity = transaction_capacity,
    .create = create_dual,
    .examine = examine_keys};

const ChannelType kSpillableMemoryChannelType{
    .name = "spillablememory",
    .java_class = "org.apache.flume.channel.SpillableMemoryChannel",
    .help = "Flume's names for a dual channel: memory first, disk when it is full.",
    .options = kSpillableOptions,
    .transaction_capacity = transaction_capacity,
    .create = create_spillable,
    .examine = examine_keys};

}  // namespace spillway::agent
