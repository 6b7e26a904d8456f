// `replicating` selector: every event to every channel.
//
// Source: Flume's ReplicatingChannelSelector; `selector.optional` names the channels that may fail.
#pragma once

#include "agent/selectors/channel_selector.h"

namespace spillway::agent {

class ReplicatingSelector final : public ChannelSelector {
 public:
  explicit ReplicatingSelector(Route route);

  [[nodiscard]] const Route* common_route() const override { return &route_; }
  const Route& route(const channel::EventView&) override { return route_; }
  [[nodiscard]] Route reach() const override { return route_; }

 private:
  const Route route_;
};

}  // namespace spillway::agent
