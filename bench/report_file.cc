#include "bench/report_file.h"

#include <sys/utsname.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

namespace spillway::bench {
namespace {

using Json = nlohmann::ordered_json;

Json host() {
  utsname name{};
  uname(&name);
  double load = 0;
  getloadavg(&load, 1);
  return {{"kernel", name.release},
          {"cpus", std::thread::hardware_concurrency()},
          {"load_average", load}};
}

std::string now_utc() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  char text[32];
  return {text, std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

Json number(double value) {
  return std::isfinite(value) ? Json(value) : Json(nullptr);
}

struct ToJson {
  Json operator()(double value) const { return number(value); }
  Json operator()(const std::string& text) const { return text; }
  Json operator()(const std::vector<double>& values) const {
    Json list = Json::array();
    for (const double value : values) list.push_back(number(value));
    return list;
  }
};

}  // namespace

std::string report_json(const Report& report) {
  Json rows = Json::array();
  for (const ReportRow& row : report.rows) {
    Json object = Json::object();
    for (const auto& [name, value] : row) object[name] = std::visit(ToJson{}, value);
    rows.push_back(std::move(object));
  }
  const Json all = {{"kind", report.kind},
                    {"command", report.command},
                    {"date", now_utc()},
                    {"host", host()},
                    {"rows", std::move(rows)}};
  return all.dump(1) + "\n";
}

Result<void> write_report(const std::string& path, const Report& report) {
  std::ofstream out(path, std::ios::trunc);
  out << report_json(report);
  if (!out.flush()) return Error{.code = Errc::kIo, .what = "cannot write the report"};
  return {};
}

}  // namespace spillway::bench
