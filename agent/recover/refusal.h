// Why an offline command cannot do its work.
#pragma once

#include <string>

#include "agent/cli.h"

namespace spillway::agent::recover {

/// `reason` says what is wrong and what to do, for standard error.
struct Refusal {
  int exit_code = kExitFailed;
  std::string reason;
};

}  // namespace spillway::agent::recover
