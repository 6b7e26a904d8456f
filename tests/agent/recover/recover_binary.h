// The `spillway` binary that the tests of `spillway recover` run; its path is the first argument
// of the test program.
#pragma once

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/run_program.h"

namespace spillway::agent::recover {

[[nodiscard]] const std::string& spillway_binary();

/// `spillway recover <arguments>`.
inline test::RunResult run_recover(std::vector<std::string> arguments, uid_t user_id = 0) {
  arguments.insert(arguments.begin(), {spillway_binary(), "recover"});
  return test::run_program(arguments, user_id);
}

/// The JSON object on standard output; null, and a failure, when it is not one.
inline nlohmann::json json_of(const test::RunResult& result) {
  auto json = nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(json.is_object()) << result.out << result.err;
  return json;
}

/// The finding or problem of that kind; null, and a failure, when there is none.
inline nlohmann::json find_kind(const nlohmann::json& list, const std::string& kind) {
  for (const auto& item : list) {
    if (item.at("kind") == kind) return item;
  }
  ADD_FAILURE() << kind << " is not in " << list.dump(2);
  return {};
}

}  // namespace spillway::agent::recover
