// `spillway bench …`: which benchmark, with which arguments.
#pragma once

namespace spillway::bench {

/// argv[0] is "bench". Returns the process's exit code.
int bench_main(int argc, char** argv);

}  // namespace spillway::bench
