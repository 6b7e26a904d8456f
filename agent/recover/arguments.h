// The command line of `spillway recover`.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "agent/recover/cat_events.h"
#include "agent/recover/event_filter.h"
#include "agent/recover/export_events.h"
#include "agent/recover/find_channel.h"
#include "agent/recover/given_keys.h"
#include "agent/recover/replay_events.h"

namespace spillway::agent::recover {

struct Arguments {
  std::string command{};  // name of the sub-command
  ChannelPlace place{};
  GivenKeys keys{};
  bool is_json = false;
  bool is_blocks = false;
  bool is_quiet = false;
  bool is_applied = false;
  EventFilter filter{};
  CatOptions cat{};
  ExportOptions export_to{};
  ReplayOptions replay{};
  std::size_t threads = 1;
};

/// Prints help and refusals. Nothing: go on; else the exit code.
std::optional<int> parse_arguments(int argc, char** argv, Arguments& arguments);

}  // namespace spillway::agent::recover
