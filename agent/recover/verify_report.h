// `spillway recover verify`: reads every byte of a channel and says what is not as it was written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "agent/recover/offline_channel.h"
#include "agent/recover/output.h"
#include "agent/recover/progress.h"
#include "agent/recover/verify_segment.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"

namespace spillway::agent::recover {

struct VerifyOptions {
  std::size_t threads = 1;
  Progress::Style progress = Progress::Style::kNone;
};

struct VerifyReport {
  const OfflineChannel* channel = nullptr;
  std::size_t segments = 0;
  std::uint64_t blocks = 0;
  std::uint64_t events = 0;
  std::uint64_t locked_blocks = 0;  // of the blocks: checked by their hash only, key missing
  std::uint64_t bytes = 0;
  double seconds = 0;
  std::uint64_t lost_events = 0;
  std::vector<Problem> problems{};  // manifest first, then in the order of the log

  [[nodiscard]] bool is_clean() const { return problems.empty(); }
};

/// `channel` must outlive the report. Progress goes to standard error.
Result<VerifyReport> verify_channel(const OfflineChannel& channel, const VerifyOptions& options,
                                    const Clock& clock);

/// One problem, with its cost, for people.
void print_problem(const Problem& problem, Output& out);

void print_verify(const VerifyReport& report, Output& out);

}  // namespace spillway::agent::recover
