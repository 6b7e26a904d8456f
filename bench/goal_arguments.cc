#include "bench/goal_arguments.h"

#include <fmt/format.h>

#include <algorithm>

#include "bench/arguments.h"

namespace spillway::bench {
namespace {

std::string goal_names() {
  std::string names;
  for (const Goal& goal : all_goals()) names += fmt::format("{}, ", goal.id);
  return names + "all";
}

std::optional<std::string> add_goals(std::string_view list, std::vector<const Goal*>& goals) {
  for (const std::string_view name : split_list(list)) {
    if (name == "all") {
      for (const Goal& goal : all_goals()) goals.push_back(&goal);
      continue;
    }
    const Goal* const goal = find_goal(name);
    if (goal == nullptr) {
      return fmt::format("--goal {}: there is no such goal; there are {}", name, goal_names());
    }
    goals.push_back(goal);
  }
  return std::nullopt;
}

std::optional<std::string> set_number(std::string_view name, std::string_view value,
                                      GoalOptions& options) {
  const auto number = parse_count(value);
  if (!number) return fmt::format("{} {}: a number from 1 on is wanted", name, value);
  if (name == "--samples") {
    options.samples = *number;
  } else if (name == "--goal-seconds-max") {
    options.time_max_ns = *number * 1'000'000'000;
  } else if (name == "--sample-millis") {
    options.load_ns = *number * 1'000'000;
  } else if (name == "--event-bytes") {
    options.event_bytes = *number;
  } else if (name == "--events") {
    options.backlog_events = *number;
  } else if (name == "--backlog-event-bytes") {
    options.backlog_event_bytes = *number;
  } else {
    return fmt::format("{}: there is no such option", name);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> read_goal_arguments(std::span<const std::string_view> words,
                                               GoalArguments& arguments) {
  auto problem = read_arguments(
      words, [&](std::string_view name, std::string_view value) -> std::optional<std::string> {
        if (name == "--goal") return add_goals(value, arguments.goals);
        if (name == "--dir") {
          arguments.directory = value;
          return std::nullopt;
        }
        if (name == "--json") {
          arguments.json_path = value;
          return std::nullopt;
        }
        if (name == "--write-path") {
          const auto path = parse_write_path(value);
          if (!path) return fmt::format("--write-path {}: auto, threads or ring is wanted", value);
          arguments.options.write_path = *path;
          return std::nullopt;
        }
        return set_number(name, value, arguments.options);
      });
  if (problem) return problem;
  if (arguments.goals.empty()) {
    return fmt::format("--goal is missing; there are {}", goal_names());
  }
  // The table is one array, sorted by number.
  std::sort(arguments.goals.begin(), arguments.goals.end());
  const auto doubled = std::unique(arguments.goals.begin(), arguments.goals.end());
  arguments.goals.erase(doubled, arguments.goals.end());
  return std::nullopt;
}

}  // namespace spillway::bench
