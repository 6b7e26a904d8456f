// Results as a JSON file, for plots and for keeping: what was run, where, when, and flat rows.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "wal/base/result.h"

namespace spillway::bench {

/// One field of a row. NaN becomes null.
using ReportValue = std::variant<double, std::string, std::vector<double>>;
using ReportRow = std::vector<std::pair<std::string, ReportValue>>;

struct Report {
  std::string kind = {};     // which command: bench/plot.py knows what to draw
  std::string command = {};  // as it was typed
  std::vector<ReportRow> rows = {};
};

/// The report with the machine and the time, as one JSON object.
std::string report_json(const Report& report);

/// Replaces the file `path`.
Result<void> write_report(const std::string& path, const Report& report);

}  // namespace spillway::bench
