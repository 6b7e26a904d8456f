// The channel types as components: their options, and how a channel is made from them.

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "agent/channels/key_survey.h"
#include "agent/channels/log_options.h"
#include "agent/config.h"
#include "agent/registry.h"
#include "channel/file_channel.h"
#include "channel/memory_channel.h"
#include "channel/memory_limit.h"
#include "channel/null_channel.h"
#include "wal/base/bytes.h"
#include "wal/base/check.h"
#include "wal/io/posix_file_system.h"

namespace spillway::agent {
namespace {

using channel::Channel;
using channel::FileChannel;
using channel::FileChannelOptions;
using channel::MemoryChannel;

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

constexpr std::array kOwnFileOptions{
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
    OptionSpec{.name = "durability",
               .type = OptionType::kEnum,
               .default_value = "commit",
               .help = "When a put succeeds: commit, once it is on the disk; async, at once, and "
                       "it is on the disk within maxLagMillis; os, once the device has it, maybe "
                       "in a cache that a power cut empties.",
               .choices = "commit|async|os"},
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
};
constexpr auto kFileOptions = with_log_options(kOwnFileOptions);

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

Result<std::unique_ptr<Channel>> create_file(const ComponentContext& context,
                                             const Config& config) {
  static io::PosixFileSystem file_system;  // outlives every channel
  CHECK(context.clock != nullptr);
  TRY(check_capacities(config));
  TRY_ASSIGN(FileChannelOptions options, read_log_options(context, config));
  options.capacity_events = config.count("capacity");
  options.transaction_capacity = transaction_capacity(config);
  options.keep_alive = std::chrono::milliseconds(config.millis("keep-alive"));
  set_durability(config, options);
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
