#include "agent/sources/tail_group.h"

#include <dirent.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <tuple>
#include <utility>

#include "wal/io/os_error.h"

namespace spillway::agent {
namespace {

constexpr std::uint64_t kTimeResolutionNs = 2'000'000'000;  // FAT's, the coarsest there is

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Of files changed in one tick of the kernel's clock, app.log.1 is older than app.log.
auto change_order(const TailCandidate& candidate) {
  return std::tuple(candidate.status.st_mtim.tv_sec, candidate.status.st_mtim.tv_nsec,
                    SIZE_MAX - candidate.path.size(), std::string_view(candidate.path));
}

}  // namespace

Result<TailGroup> TailGroup::create(std::string_view pattern) {
  const std::size_t slash = pattern.rfind('/');
  if (!pattern.starts_with('/')) {
    return Error{.code = Errc::kBadConfig, .what = "filegroups.* must begin with '/'"};
  }
  if (slash + 1 == pattern.size()) {
    return Error{.code = Errc::kBadConfig,
                 .what = "filegroups.* must end with a pattern for file names"};
  }
  auto names = Regex::compile(pattern.substr(slash + 1));
  if (!names.has_value()) {
    return Error{.code = Errc::kBadConfig,
                 .what = "filegroups.* has no valid regular expression behind its last '/'",
                 .at = names.error().at};
  }
  // As Java normalizes it, so that paths compare equal with those Flume has written.
  std::string directory = std::filesystem::path(pattern.substr(0, slash + 1)).lexically_normal();
  if (directory.size() > 1) directory.pop_back();  // the slash
  return TailGroup(std::move(directory), std::move(names.value()));
}

bool TailGroup::is_changed(std::uint64_t now_ns) {
  struct stat status {};
  if (::stat(directory_.c_str(), &status) != 0) return true;  // list() will say why
  if (status.st_mtim.tv_sec != changed_s_ || status.st_mtim.tv_nsec != changed_ns_) {
    changed_s_ = status.st_mtim.tv_sec;
    changed_ns_ = status.st_mtim.tv_nsec;
    changing_until_ns_ = now_ns + kTimeResolutionNs;
  }
  return now_ns < changing_until_ns_;
}

Result<TailListing> TailGroup::list(const std::unordered_set<std::uint64_t>& inodes) const {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(directory_.c_str()));
  if (directory == nullptr) return io::os_error(errno, "cannot list directory of file group");
  TailListing listing;
  while (true) {
    errno = 0;
    const dirent* const entry =
        ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): own stream
    if (entry == nullptr) break;
    const bool is_match = names_.matches_all(entry->d_name);
    if (!is_match && !inodes.contains(entry->d_ino)) continue;
    std::string path = directory_ == "/" ? "/" : directory_ + "/";
    path += entry->d_name;
    auto status = status_of_file(path);
    if (!status.has_value()) continue;  // gone, a directory, a dangling link
    auto& found = is_match ? listing.matches : listing.strays;
    found.push_back({.path = std::move(path), .status = status.value()});
  }
  // A partial listing would make the missing files look rotated away.
  if (errno != 0) return io::os_error(errno, "cannot list directory of file group");
  std::sort(listing.matches.begin(), listing.matches.end(),
            [](const TailCandidate& a, const TailCandidate& b) {
              return change_order(a) < change_order(b);
            });
  return listing;
}

}  // namespace spillway::agent
