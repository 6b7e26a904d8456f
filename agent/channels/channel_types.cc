// The channel types as components: their options, and how a channel is made from them.

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

#include "agent/config.h"
#include "agent/registry.h"
#include "channel/memory_channel.h"
#include "channel/memory_limit.h"

namespace spillway::agent {
namespace {

using channel::Channel;
using channel::MemoryChannel;

std::uint64_t transaction_capacity(const Config& config) {
  return config.count("transactionCapacity");
}

Result<void> check_capacities(const Config& config) {
  if (transaction_capacity(config) <= config.count("capacity")) return {};
  return Error{.code = Errc::kBadConfig, .what = "transactionCapacity is larger than capacity"};
}

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

}  // namespace

const ChannelType kMemoryChannelType{
    .name = "memory",
    .java_class = "org.apache.flume.channel.MemoryChannel",
    .help = "Keeps events in memory: fast, and lost with the process.",
    .options = kMemoryOptions,
    .transaction_capacity = transaction_capacity,
    .create = create_memory};

}  // namespace spillway::agent
