#include "agent/sources/spool_directory.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <tuple>
#include <utility>

#include "wal/io/os_error.h"

namespace spillway::agent {
namespace {

constexpr int kDepthMax = 64;  // of folders in folders

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

std::string_view name_of(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

}  // namespace

Result<SpoolDirectory> SpoolDirectory::create(SpoolDirectoryOptions options, const Clock& clock) {
  auto included = Regex::compile(options.include_pattern);
  if (!included.has_value()) {
    return Error{.code = Errc::kBadConfig,
                 .what = "includePattern is no valid regular expression",
                 .at = included.error().at};
  }
  auto ignored = Regex::compile(options.ignore_pattern);
  if (!ignored.has_value()) {
    return Error{.code = Errc::kBadConfig,
                 .what = "ignorePattern is no valid regular expression",
                 .at = ignored.error().at};
  }
  return SpoolDirectory(std::move(options), std::move(included.value()), std::move(ignored.value()),
                        clock);
}

SpoolDirectory::SpoolDirectory(SpoolDirectoryOptions options, Regex included, Regex ignored,
                               const Clock& clock)
    : options_(std::move(options)),
      included_(std::move(included)),
      ignored_(std::move(ignored)),
      clock_(&clock),
      random_(static_cast<std::uint64_t>(clock.wall_ms())) {}

Result<std::optional<SpoolCandidate>> SpoolDirectory::next(const Filter& is_wanted) {
  const bool is_old = clock_->monotonic_ns() - listed_at_ns_ >= options_.list_interval_ns;
  bool is_fresh = !was_listed_ || waiting_.empty() || is_old;
  if (is_fresh) TRY(list());
  while (true) {
    while (!waiting_.empty()) {
      SpoolCandidate candidate = std::move(waiting_.front());
      waiting_.pop_front();
      if (is_wanted(candidate)) return std::optional<SpoolCandidate>(std::move(candidate));
    }
    if (is_fresh) return std::optional<SpoolCandidate>();
    is_fresh = true;
    TRY(list());
  }
}

bool SpoolDirectory::is_candidate(const std::string& path) const {
  struct stat status {};
  return path.starts_with(options_.directory + "/") && is_name_wanted(name_of(path)) &&
         ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         (!options_.marks_in_tracker || !exists(mark_path(path)));
}

std::string SpoolDirectory::mark_path(const std::string& path) const {
  return options_.tracker_directory + "/" + relative(path) + options_.completed_suffix;
}

std::string SpoolDirectory::relative(const std::string& path) const {
  return path.substr(options_.directory.size() + 1);
}

Result<void> SpoolDirectory::list() {
  std::vector<SpoolCandidate> found;
  TRY(list_folder(options_.directory, 0, found));
  const auto age = [](const SpoolCandidate& a) {
    return std::tuple(a.modified_ns, std::string_view(a.path));
  };
  switch (options_.order) {
    case ConsumeOrder::kOldest:
      std::sort(found.begin(), found.end(),
                [&](const auto& a, const auto& b) { return age(a) < age(b); });
      break;
    case ConsumeOrder::kYoungest:  // of the same age, again the name that sorts first
      std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
        return std::tuple(b.modified_ns, std::string_view(a.path)) <
               std::tuple(a.modified_ns, std::string_view(b.path));
      });
      break;
    case ConsumeOrder::kRandom:
      std::shuffle(found.begin(), found.end(), random_);
      break;
  }
  waiting_.assign(std::make_move_iterator(found.begin()), std::make_move_iterator(found.end()));
  listed_at_ns_ = clock_->monotonic_ns();
  was_listed_ = true;
  return {};
}

Result<void> SpoolDirectory::list_folder(const std::string& folder, int depth,
                                         std::vector<SpoolCandidate>& found) const {
  const std::unique_ptr<DIR, CloseDirectory> directory(::opendir(folder.c_str()));
  if (directory == nullptr) return io::os_error(errno, "cannot list spooling directory");
  while (true) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): own stream
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) return {};
    const std::string_view name(entry->d_name);
    if (name.starts_with('.')) continue;
    std::string path = folder + "/";
    path += name;
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) continue;  // gone
    if (S_ISDIR(status.st_mode)) {
      const bool is_entered = options_.is_recursive && depth < kDepthMax &&
                              !ignored_.matches_all(name) && path != options_.tracker_directory;
      // A folder that vanishes or is closed to us does not stop the others.
      if (is_entered) static_cast<void>(list_folder(path, depth + 1, found));
      continue;
    }
    if (!is_name_wanted(name)) continue;
    const bool is_link = S_ISLNK(status.st_mode);
    if (is_link && ::stat(path.c_str(), &status) != 0) continue;
    if (!S_ISREG(status.st_mode)) continue;
    if (options_.marks_in_tracker && exists(mark_path(path))) continue;
    found.push_back({.path = std::move(path),
                     .inode = status.st_ino,
                     .modified_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 +
                                    status.st_mtim.tv_nsec});
  }
}

bool SpoolDirectory::is_name_wanted(std::string_view name) const {
  return !name.starts_with('.') && !name.ends_with(options_.completed_suffix) &&
         included_.matches_all(name) && !ignored_.matches_all(name);
}

}  // namespace spillway::agent
