// Reports of `spillway recover` for programs; fields are described in docs/recovery.md.
#pragma once

#include <string>

#include "agent/recover/status_report.h"
#include "agent/recover/verify_report.h"

namespace spillway::agent::recover {

/// One JSON object, indented, with an end of line.
std::string status_json(const StatusReport& report);
std::string verify_json(const VerifyReport& report);

}  // namespace spillway::agent::recover
