#include "channel/memory_limit.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>

#include "wal/base/bytes.h"

namespace spillway::channel {
namespace {

namespace fs = std::filesystem;

// The number a file begins with; nullopt for "max" and for a missing file.
std::optional<std::uint64_t> read_number(const fs::path& path) {
  std::ifstream in(path);
  std::string text;
  std::uint64_t number = 0;
  if (!(in >> text)) return std::nullopt;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  if (parsed.ec != std::errc()) return std::nullopt;
  return number;
}

std::uint64_t physical_bytes(const fs::path& root) {
  std::ifstream in(root / "proc/meminfo");
  std::string name;
  std::uint64_t kib = 0;
  while (in >> name) {
    if (name == "MemTotal:" && in >> kib) return kib * kKiB;
    std::getline(in, name);
  }
  return 0;
}

// The smallest `file` in `group` below `mount` and in its parents. Inside a container the group's
// path may be the host's; then only the mount itself, the container's own group, exists.
std::uint64_t group_limit(const fs::path& mount, std::string_view group, const char* file) {
  std::uint64_t limit = read_number(mount / file).value_or(UINT64_MAX);
  fs::path at = mount;
  for (const fs::path& part : fs::path(group).relative_path()) {
    at /= part;
    limit = std::min(limit, read_number(at / file).value_or(UINT64_MAX));
  }
  return limit;
}

bool names_controller(std::string_view controllers, std::string_view wanted) {
  while (!controllers.empty()) {
    const std::size_t end = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, end) == wanted) return true;
    controllers.remove_prefix(std::min(end + 1, controllers.size()));
  }
  return false;
}

// Lines of /proc/self/cgroup: `hierarchy:controllers:path`; version 2 is `0::path`.
std::uint64_t control_group_bytes(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::uint64_t limit = UINT64_MAX;
  std::ifstream in(root / "proc/self/cgroup");
  for (std::string line; std::getline(in, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string_view controllers =
        std::string_view(line).substr(first + 1, second - first - 1);
    const std::string_view group = std::string_view(line).substr(second + 1);
    if (controllers.empty()) {
      limit = std::min(limit, group_limit(mount, group, "memory.max"));
    } else if (names_controller(controllers, "memory")) {
      limit = std::min(limit, group_limit(mount / "memory", group, "memory.limit_in_bytes"));
    }
  }
  return limit;
}

}  // namespace

std::uint64_t memory_limit_bytes(const fs::path& root) {
  const std::uint64_t physical = physical_bytes(root);
  const std::uint64_t group = control_group_bytes(root);
  if (physical == 0) return group == UINT64_MAX ? 0 : group;
  return std::min(physical, group);
}

}  // namespace spillway::channel
