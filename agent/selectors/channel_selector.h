// ChannelSelector: which of a source's channels an event goes to.
//
// Knows names and indices only; ChannelProcessor does the puts. Flume: ChannelSelector.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

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
};

}  // namespace spillway::agent
