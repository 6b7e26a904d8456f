// What `spillway bench --goal …` was asked for.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bench/goal.h"

namespace spillway::bench {

struct GoalArguments {
  std::vector<const Goal*> goals = {};  // in the order of the table, each once
  GoalOptions options = {};
  std::string directory = ".";
  std::string json_path = {};  // empty: no file
};

/// Fills in `arguments`; what is wrong with `words`, or nothing.
std::optional<std::string> read_goal_arguments(std::span<const std::string_view> words,
                                               GoalArguments& arguments);

}  // namespace spillway::bench
