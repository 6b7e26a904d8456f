// The channel types that the contract and model tests are run against.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/channel_home.h"
#include "tests/support/dual_channel_home.h"
#include "tests/support/file_channel_home.h"

namespace spillway::test {

struct ChannelKind {
  const char* name = "";
  std::unique_ptr<ChannelHome> (*make_home)() = nullptr;
  std::size_t cost = 1;  // a test that repeats itself does so this many times less often

  friend std::ostream& operator<<(std::ostream& out, const ChannelKind& kind) {
    return out << kind.name;
  }
};

/// The last argument of INSTANTIATE_TEST_SUITE_P.
inline std::string kind_name(const testing::TestParamInfo<ChannelKind>& info) {
  return info.param.name;
}

/// Every kind the tests are run against.
inline std::vector<ChannelKind> channel_kinds() {
  using Home = std::unique_ptr<ChannelHome>;
  return {
      {"memory", []() -> Home { return std::make_unique<MemoryChannelHome>(); }},
      {"dual", []() -> Home { return std::make_unique<DualChannelHome>(DualChannelHome::Setup{}); },
       4},
      {"dual_young",  // whatever is not taken at once moves, also out of a sink's hands
       []() -> Home {
         return std::make_unique<DualChannelHome>(
             DualChannelHome::Setup{.resident_max = std::chrono::milliseconds(1)});
       },
       4},
      {"dual_forced",
       []() -> Home {
         return std::make_unique<DualChannelHome>(
             DualChannelHome::Setup{.is_spilling_forced = true});
       },
       4},
      {"file", []() -> Home { return std::make_unique<FileChannelHome>(); }, 20},
      {"file_simulated",
       []() -> Home { return std::make_unique<SimFileChannelHome>(wal::Background::kThreads); }, 4},
      {"file_without_threads",
       []() -> Home { return std::make_unique<SimFileChannelHome>(wal::Background::kNone); }, 4},
  };
}

}  // namespace spillway::test
