// The `spillway` binary. Everything is in agent_core, except the list of the sub-commands that
// parse their own arguments: one row each, `int <name>_main(int argc, char** argv)`.
#include <array>

#include "agent/cli.h"
#include "agent/demo/demo.h"
#include "agent/recover/recover_main.h"
#include "bench/bench_main.h"

int main(int argc, char** argv) {
  using spillway::agent::Command;
  // Sorted by name.
  constexpr std::array commands{
      Command{"bench", "Measure the file channel beside the bare device.",
              spillway::bench::bench_main},
      Command{"demo", "Collect logs, kill the agent, start it again, and count.",
              spillway::agent::demo_main},
      Command{"recover", "Look into a stopped file channel; export, replay or repair it.",
              spillway::agent::recover_main},
  };
  return spillway::agent::run_cli(argc, argv, commands);
}
