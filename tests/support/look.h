// What waits in a channel.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/channel.h"
#include "tests/support/events.h"

namespace spillway::test {

/// The bodies of all events in order; they are left in the channel.
inline std::vector<std::string> look(channel::Channel& channel) {
  std::vector<std::string> bodies;
  std::vector<std::unique_ptr<channel::TakeTransaction>> open;
  while (true) {
    auto taken = channel.take(channel.transaction_capacity(), std::chrono::milliseconds(0));
    if (!taken.has_value()) {
      ADD_FAILURE() << "cannot take: " << to_string(taken.error());
      break;
    }
    if (taken.value()->events().empty()) break;
    for (std::string& body : bodies_of(taken.value()->events())) bodies.push_back(std::move(body));
    open.push_back(std::move(taken.value()));
  }
  EXPECT_EQ(channel.size_events(), bodies.size());
  return bodies;
}

}  // namespace spillway::test
