// `spillway demo`: the product's point in half a minute. Collects real log files and a generated
// stream through a file channel, kills the agent with SIGKILL, starts it again, and counts.
#pragma once

namespace spillway::agent {

/// argv[0] is "demo". Returns the process's exit code: 1 when a line was lost.
int demo_main(int argc, char** argv);

}  // namespace spillway::agent
