#include "agent/home_path.h"

#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cstdlib>

namespace spillway::agent {
namespace {

constexpr std::size_t kEntryBytesMax = 4096;

// Empty when unknown. A service manager may start us without $HOME.
std::string home_directory() {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody sets the environment
  if (const char* const home = std::getenv("HOME"); home != nullptr && *home != '\0') return home;
  std::array<char, kEntryBytesMax> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (getpwuid_r(getuid(), &entry, buffer.data(), buffer.size(), &found) != 0) return {};
  return found == nullptr ? "" : found->pw_dir;
}

}  // namespace

Result<std::string> expand_home(std::string_view path) {
  if (path != "~" && !path.starts_with("~/")) return std::string(path);
  std::string home = home_directory();
  if (home.empty()) {
    return Error{.code = Errc::kBadConfig,
                 .what = "a path begins with ~ and the home directory is unknown"};
  }
  return home.append(path.substr(1));
}

}  // namespace spillway::agent
