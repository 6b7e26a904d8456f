// Fuzz target: a path template, and behind its first line the value of header h. Whatever it makes
// of them stays below a directory once it is confined.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/path_template.h"
#include "agent/sinks/confined_directory.h"
#include "channel/event_batch.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

void check_confined(std::string_view path) {
  CHECK(!path.starts_with('/') && !path.ends_with('/'));
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view part = path.substr(0, end);
    CHECK(!part.empty() && part != "." && part != ".." && part.size() <= 255);
    path.remove_prefix(std::min(end + 1, path.size()));
  }
}

void check_path(std::string_view input) {
  static const SystemClock clock;
  const std::size_t end = std::min(input.find('\n'), input.size());
  const std::string_view value = input.substr(std::min(end + 1, input.size()));
  auto path = PathTemplate::compile(input.substr(0, end), {.is_utc = true}, clock);
  if (!path.has_value()) {
    CHECK(path.error().code == Errc::kBadConfig && path.error().at <= end);
    return;
  }
  const std::vector<channel::HeaderView> headers{{"h", value}, {"timestamp", value}};
  channel::EventBatch batch;
  batch.add(headers, "");
  std::string once;
  std::string twice;
  path.value().append(batch[0], once);
  path.value().append(batch[0], twice);
  check_confined(confined_path(once));
  std::string safe;
  append_path_safe(value, safe);
  CHECK(safe.find('/') == std::string::npos && safe.find('\0') == std::string::npos);
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::agent::check_path({reinterpret_cast<const char*>(data), size});
  return 0;
}
