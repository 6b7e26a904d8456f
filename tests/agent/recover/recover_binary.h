// The `spillway` binary that the tests of `spillway recover` run; its path is the first argument
// of the test program.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <vector>

#include "tests/support/json_value.h"
#include "tests/support/run_program.h"

namespace spillway::agent::recover {

[[nodiscard]] const std::string& spillway_binary();

/// `spillway recover <arguments>`.
inline test::RunResult run_recover(std::vector<std::string> arguments, uid_t user_id = 0) {
  arguments.insert(arguments.begin(), {spillway_binary(), "recover"});
  return test::run_program(arguments, user_id);
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// The JSON object on standard output; null, and a failure, when it is not one.
inline test::JsonValue json_of(const test::RunResult& result) {
  auto json = test::JsonValue::parse(result.out);
  EXPECT_TRUE(json.is_object()) << result.err;
  return json;
}

/// The finding or problem of that kind; null, and a failure, when there is none.
inline test::JsonValue find_kind(const test::JsonValue& list, const std::string& kind) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i]["kind"] == kind) return list[i];
  }
  ADD_FAILURE() << kind << " is not in " << list.dump();
  return {};
}

}  // namespace spillway::agent::recover
