// ChannelSelector: which of a source's channels an event goes to; and how a type of them is
// described.
//
// Knows names and indices only; ChannelProcessor does the puts. Flume: ChannelSelector.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/component.h"
#include "channel/event.h"

namespace spillway::agent {

/// Indices into the source's list of channels, without duplicates.
struct Route {
  std::vector<std::size_t> required;  // the source hears of a failure
  std::vector<std::size_t> optional;  // a failure is counted and logged only
};

/// Thread-safe: an event-driven source may hand over batches from many threads.
class ChannelSelector {
 public:
  ChannelSelector() = default;
  ChannelSelector(const ChannelSelector&) = delete;
  ChannelSelector& operator=(const ChannelSelector&) = delete;
  virtual ~ChannelSelector() = default;

  /// The route all events share, or nullptr when it depends on the event. Constant; with it, a
  /// batch goes to its channels without being taken apart.
  [[nodiscard]] virtual const Route* common_route() const { return nullptr; }

  /// The route of one event; valid as long as the selector.
  virtual const Route& route(const channel::EventView& event) = 0;

  /// What an event can reach: `required` are the channels that some route requires, `optional` the
  /// rest of those that occur. Constant.
  [[nodiscard]] virtual Route reach() const = 0;
};

struct SelectorContext {
  std::vector<std::string> channels;  // the source's, in the order they are listed
  std::uint64_t seed = 1;
};

struct SelectorType {
  std::string_view name;                // the value of `selector.type`, matched in any case
  std::string_view java_class;          // Flume's class name, accepted too
  std::string_view help;                // one sentence
  std::span<const OptionSpec> options;  // without the prefix `selector.`
  std::span<const std::string_view> channel_options;  // whose values name channels of the source
  /// The values of `channel_options` have been checked.
  std::unique_ptr<ChannelSelector> (*create)(const SelectorContext& context, const Config& config);
};

}  // namespace spillway::agent
