// The command line: which sub-command, with which arguments. Prints help and refusals.
//
// What a sub-command does is in its own file; the option parser is used in cli.cc alone.
#pragma once

#include <span>
#include <string_view>

namespace spillway::agent {

/// 0 fine, 1 failed; the two others say who has to act.
inline constexpr int kExitFine = 0;
inline constexpr int kExitFailed = 1;
inline constexpr int kExitBadUsage = 2;
inline constexpr int kExitBadConfig = 78;  // EX_CONFIG of sysexits.h

/// A sub-command that reads its own arguments: argv[0] is its name.
struct Command {
  std::string_view name;
  std::string_view help;  // one sentence
  int (*run)(int argc, char** argv);
};

/// Runs one sub-command: one of `more`, or one of agent, check, components, graph, version and
/// help. Returns the exit code.
int run_cli(int argc, char** argv, std::span<const Command> more);

}  // namespace spillway::agent
