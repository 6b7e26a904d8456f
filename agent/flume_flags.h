// Flume's command line in the spelling of ours: flags of several letters, flags of the Java
// machine, URIs, and the options file.
//
// Source: Application.main() and the script bin/flume-ng of 1.11. Everything that has no meaning
// here is accepted and named in a notice.
#pragma once

#include <string>
#include <vector>

namespace spillway::agent {

struct FlumeFlags {
  std::vector<std::string> arguments;  // for our parser
  std::vector<std::string> notices;
  std::vector<std::string> problems;  // what cannot be honoured
};

/// `arguments` begin with the command; others than `agent` and `node` pass unchanged. `-f` and what
/// else is not given is taken from `flume.opts` in the directory of `-c`, or from `opts_file`.
FlumeFlags read_flume_flags(const std::vector<std::string>& arguments,
                            const std::string& opts_file = "/etc/flume/flume.opts");

}  // namespace spillway::agent
