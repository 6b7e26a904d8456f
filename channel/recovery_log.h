// Tells the operator what a start found, in log lines with ids (docs/operations.md).
#pragma once

#include <cstdint>
#include <string_view>

#include "checkpoint/recovery.h"
#include "wal/base/result.h"
#include "wal/log_reader.h"

namespace spillway::channel {

void log_recovery(std::string_view channel, const checkpoint::RecoveredLog& recovered);
void log_lost(std::string_view channel, const wal::LostRange& lost, std::uint64_t wanted);
void log_quarantine_failure(std::string_view channel, const Error& error);

}  // namespace spillway::channel
