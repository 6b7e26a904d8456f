// What the running test has tried, for the sum that ./test prints in the end.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace spillway::test {

/// Properties of a test case in GoogleTest's XML, which tests/test_report.py adds up.
inline constexpr const char* kCrashStates = "crash_states";  // opened after a power loss or a kill
inline constexpr const char* kFaults = "faults";             // failed calls, damaged directories
inline constexpr const char* kInputs = "inputs";  // of decoders, and sequences of operations

/// Adds to what the running test has tried. On GoogleTest's thread only.
inline void note_tried(const char* what, std::uint64_t count) {
  static std::map<std::pair<const testing::TestInfo*, std::string>, std::uint64_t> totals;
  auto& total = totals[{testing::UnitTest::GetInstance()->current_test_info(), what}];
  total += count;
  testing::Test::RecordProperty(what, std::to_string(total));
}

/// The running test has used the seeds from `first` to `last`.
inline void note_seeds(std::uint64_t first, std::uint64_t last) {
  testing::Test::RecordProperty("seed_first", std::to_string(first));
  testing::Test::RecordProperty("seed_last", std::to_string(last));
}

}  // namespace spillway::test
