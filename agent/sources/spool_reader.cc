#include "agent/sources/spool_reader.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/io/os_error.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kTrackerName = "/.flumespool-main.meta";
constexpr std::string_view kAsideName = "/.spillway-set-aside.json";
constexpr std::uint64_t kPostponeNs = 60'000'000'000;

std::int64_t modified_ns(const struct stat& status) {
  return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

Result<void> check_directory(const std::string& path, bool is_written) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return io::os_error(errno, "cannot read spoolDir");
  if (!S_ISDIR(status.st_mode)) {
    return Error{.code = Errc::kBadConfig, .what = "spoolDir is not a directory"};
  }
  if (::access(path.c_str(), R_OK | X_OK) != 0) return io::os_error(errno, "cannot read spoolDir");
  if (is_written && ::access(path.c_str(), W_OK) != 0) {
    return io::os_error(errno, "cannot rename or delete files in spoolDir");
  }
  return {};
}

// What an earlier run accepted of the file that is there now.
std::uint64_t offset_to_resume(const SpoolPosition& position, const struct stat& status) {
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (position.offset_bytes > size) return 0;
  if (!position.identity) return position.offset_bytes;  // Flume's: it checks nothing
  const SpoolIdentity& known = *position.identity;
  const bool is_same_file = known.inode == status.st_ino;
  const bool is_equal = known.size_bytes == size && known.modified_ns == modified_ns(status);
  return is_same_file || is_equal ? position.offset_bytes : 0;
}

Result<void> rename_file(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return {};
  if (errno != EINVAL) return io::os_error(errno, "finished file cannot be renamed");
  // A file system without that flag: nobody else is expected to make files of that name.
  if (::access(to.c_str(), F_OK) == 0) {
    return io::os_error(EEXIST, "finished file cannot be renamed");
  }
  if (std::rename(from.c_str(), to.c_str()) == 0) return {};
  return io::os_error(errno, "finished file cannot be renamed");
}

}  // namespace

SpoolReader::SpoolReader(SpoolReaderOptions options, SpoolDirectory directory, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      directory_(std::move(directory)),
      tracker_(options_.directory.tracker_directory + std::string(kTrackerName)),
      aside_(options_.directory.tracker_directory + std::string(kAsideName)) {}

Result<void> SpoolReader::start() {
  const SpoolDirectoryOptions& places = options_.directory;
  TRY(check_directory(places.directory, options_.deletes_finished || !places.marks_in_tracker));
  std::error_code error;
  std::filesystem::create_directories(places.tracker_directory, error);
  if (error) return io::os_error(error.value(), "cannot create trackerDir");
  if (::access(places.tracker_directory.c_str(), W_OK | X_OK) != 0) {
    return io::os_error(errno, "cannot write to trackerDir");
  }
  TRY(aside_.load());
  aside_count_.store(aside_.size());
  auto left_over = tracker_.load();
  if (left_over.has_value()) {
    left_over_ = std::move(left_over.value());
  } else if (left_over.error().code == Errc::kCorrupt) {
    log_warn("spooldir.tracker_damaged", "the file in hand is read again from its beginning",
             {{"source", options_.source_name}, {"error", left_over.error()}});
  } else {
    return left_over.error();
  }
  return {};
}

void SpoolReader::keep_bookmarks(const std::optional<std::string>& last) {
  keeps_bookmarks_ = true;
  if (last) bookmark_ = parse_spool_bookmark(*last);
}

std::optional<std::string> SpoolReader::bookmark() const {
  if (!keeps_bookmarks_ || !is_tracked_) return std::nullopt;
  return format_spool_bookmark({.identity = identity(),
                                .offset_bytes = deserializer_->offset(),
                                .skipped_events = deserializer_->events_behind_offset(),
                                .is_at_end = is_at_end_});
}

Result<void> SpoolReader::collect(channel::EventBatch& batch, std::size_t events_max) {
  while (true) {
    if (!input_) {
      TRY_ASSIGN(const bool is_found, open_next());
      if (!is_found) return {};
    }
    if (!is_at_end_ && !failure_) TRY(read_events(batch, events_max));
    if (!batch.is_empty()) {
      if (keeps_bookmarks_ && !is_tracked_) store_position();
      return {};
    }
    finish();
  }
}

void SpoolReader::accept() {
  if (!input_) return;
  accepted_bytes_ = deserializer_->offset();
  if (is_at_end_ || failure_) return finish();
  store_position();
}

Result<bool> SpoolReader::open_next() {
  if (left_over_) {
    TRY_ASSIGN(const bool is_opened, open_left_over());
    if (is_opened) return true;
  }
  const std::uint64_t now = clock_.monotonic_ns();
  std::erase_if(postponed_,
                [](const auto& entry) { return ::access(entry.first.c_str(), F_OK) != 0; });
  while (true) {
    TRY_ASSIGN(const auto candidate, directory_.next([&](const SpoolCandidate& file) {
      const auto postponed = postponed_.find(file.path);
      return !aside_.contains(file.path, file.inode) &&
             (postponed == postponed_.end() || postponed->second.until_ns <= now);
    }));
    waiting_count_.store(directory_.waiting_count());
    if (!candidate) return false;
    const auto postponed = postponed_.find(candidate->path);
    const bool is_continued =
        postponed != postponed_.end() && postponed->second.inode == candidate->inode;
    TRY_ASSIGN(const bool is_opened,
               open(candidate->path, is_continued ? postponed->second.offset_bytes : 0));
    if (is_opened) return true;
  }
}

Result<bool> SpoolReader::open_left_over() {
  const SpoolPosition position = *std::exchange(left_over_, std::nullopt);
  struct stat status {};
  if (!directory_.is_candidate(position.path) || ::stat(position.path.c_str(), &status) != 0 ||
      aside_.contains(position.path, status.st_ino)) {
    static_cast<void>(tracker_.clear());
    return false;
  }
  std::uint64_t offset = offset_to_resume(position, status);
  if (offset < position.offset_bytes) {
    log_warn("spooldir.file_replaced", "file is not the one that was being read: begins anew",
             {{"source", options_.source_name}, {"file", position.path}});
    bookmark_.reset();
  }
  if (bookmark_ && !goes_on_from(*bookmark_, position)) bookmark_.reset();
  if (bookmark_) offset = bookmark_->offset_bytes;
  TRY_ASSIGN(const bool is_opened, open(position.path, offset));
  if (is_opened && bookmark_) pass_what_is_put(*bookmark_);
  bookmark_.reset();
  return is_opened;
}

// Its events that no offset can tell apart are behind the offset. What was appended since is read.
void SpoolReader::pass_what_is_put(const SpoolBookmark& bookmark) {
  const bool is_unchanged =
      bookmark.identity.size_bytes == static_cast<std::uint64_t>(opened_.st_size) &&
      bookmark.identity.modified_ns == modified_ns(opened_);
  is_at_end_ = bookmark.is_at_end && is_unchanged && !failure_;
  for (std::uint64_t i = 0; i < bookmark.skipped_events && !failure_; ++i) {
    const auto event = deserializer_->next();
    if (!event.has_value()) failure_ = event.error();
  }
}

// False: this file cannot be opened now, try another one.
Result<bool> SpoolReader::open(const std::string& path, std::uint64_t offset) {
  auto input = SpoolInput::open(path);
  if (!input.has_value()) {
    if (input.error().code != Errc::kNotFound) postpone(path, 0, input.error());
    return false;
  }
  auto status = input.value().status();
  if (!status.has_value()) {
    postpone(path, 0, status.error());
    return false;
  }
  close();
  path_ = path;
  std::error_code ignored;  // without a working directory the path stays as it is
  header_path_ = std::filesystem::absolute(path, ignored).string();
  opened_ = status.value();
  input_.emplace(std::move(input.value()));
  accepted_bytes_ = offset;
  auto deserializer = make_deserializer(options_.deserializer, *input_, offset);
  if (deserializer.has_value()) {
    deserializer_ = std::move(deserializer.value());
  } else {
    failure_ = deserializer.error();
  }
  return true;
}

Result<void> SpoolReader::read_events(channel::EventBatch& batch, std::size_t events_max) {
  while (batch.size() < events_max) {
    const auto event = deserializer_->next();
    if (!event.has_value()) {
      failure_ = event.error();
      break;
    }
    if (!event.value()) {
      is_at_end_ = true;
      // As in Flume: that the file was there is an event.
      if (opened_.st_size == 0 && batch.is_empty()) add_event({.body = {}}, batch);
      break;
    }
    add_event(*event.value(), batch);
  }
  cut_events_.add(deserializer_->cut_count() - cuts_seen_);
  cuts_seen_ = deserializer_->cut_count();
  return {};
}

void SpoolReader::add_event(const Deserializer::Event& event, channel::EventBatch& batch) {
  headers_.clear();
  if (!options_.basename_key.empty()) {
    headers_.push_back({.key = options_.basename_key,
                        .value = std::string_view(path_).substr(path_.rfind('/') + 1)});
  }
  if (!options_.file_key.empty() && options_.file_key != options_.basename_key) {
    headers_.push_back({.key = options_.file_key, .value = header_path_});
  }
  if (event.header && event.header->key != options_.file_key &&
      event.header->key != options_.basename_key) {
    headers_.push_back(*event.header);
  }
  batch.add(headers_, event.body);
}

SpoolIdentity SpoolReader::identity() const {
  return {.path = path_,
          .inode = opened_.st_ino,
          .size_bytes = static_cast<std::uint64_t>(opened_.st_size),
          .modified_ns = modified_ns(opened_)};
}

void SpoolReader::store_position() {
  const auto stored =
      is_tracked_ ? tracker_.store(accepted_bytes_) : tracker_.begin(identity(), accepted_bytes_);
  if (stored.has_value()) {
    is_tracked_ = true;
    return;
  }
  tracker_failures_.add();
  log_warn("spooldir.tracker_failed", "a restart now would repeat events of the file in hand",
           {{"source", options_.source_name}, {"file", path_}, {"error", stored.error()}});
}

void SpoolReader::finish() {
  const bool is_postponed = failure_ && failure_->code == Errc::kIo;
  if (is_postponed) {
    postpone(path_, opened_.st_ino, *failure_);
  } else if (failure_) {
    set_aside(*failure_);
  } else if (const auto retired = retire(); retired.has_value()) {
    finished_.add();
    log_info("spooldir.file_finished", "spooled file is read to its end",
             {{"source", options_.source_name}, {"file", path_}, {"bytes", accepted_bytes_}});
  } else {
    set_aside(retired.error());
  }
  if (!is_postponed) postponed_.erase(path_);
  if (is_tracked_ && !is_postponed) {  // a postponed file keeps its position
    if (const auto cleared = tracker_.clear(); !cleared.has_value()) tracker_failures_.add();
  }
  close();
}

Result<void> SpoolReader::retire() const {
  struct stat status {};
  if (::stat(path_.c_str(), &status) != 0) {
    if (errno == ENOENT) return {};  // somebody else has put it away
    return io::os_error(errno, "cannot read status of finished file");
  }
  const bool is_unchanged = status.st_ino == opened_.st_ino && status.st_size == opened_.st_size &&
                            modified_ns(status) == modified_ns(opened_);
  if (!is_unchanged) {
    return Error{.code = Errc::kCorrupt, .what = "file has changed since it was picked up"};
  }
  if (options_.deletes_finished) {
    if (::unlink(path_.c_str()) == 0 || errno == ENOENT) return {};
    return io::os_error(errno, "finished file cannot be deleted");
  }
  if (options_.directory.marks_in_tracker) return mark();
  return rename_file(path_, path_ + options_.directory.completed_suffix);
}

Result<void> SpoolReader::mark() const {
  const std::string path = directory_.mark_path(path_);
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return io::os_error(error.value(), "cannot mark finished file in trackerDir");
  const io::OwnedFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!fd.is_open()) return io::os_error(errno, "cannot mark finished file in trackerDir");
  return {};
}

void SpoolReader::set_aside(const Error& error) {
  set_aside_.add();
  log_error("spooldir.file_set_aside", "file is left alone from now on; others are read",
            {{"source", options_.source_name},
             {"file", path_},
             {"accepted_bytes", accepted_bytes_},
             {"error", error}});
  const auto kept = aside_.add({.path = path_,
                                .inode = opened_.st_ino,
                                .accepted_bytes = accepted_bytes_,
                                .reason = to_string(error)});
  if (!kept.has_value()) {
    tracker_failures_.add();
    log_warn("spooldir.tracker_failed", "a restart would read this file again",
             {{"source", options_.source_name}, {"file", path_}, {"error", kept.error()}});
  }
  aside_count_.store(aside_.size());
}

void SpoolReader::postpone(const std::string& path, std::uint64_t inode, const Error& error) {
  read_failures_.add();
  log_warn("spooldir.read_failed", "file cannot be read; will try again in a minute",
           {{"source", options_.source_name}, {"file", path}, {"error", error}});
  postponed_[path] = {.inode = inode,
                      .until_ns = clock_.monotonic_ns() + kPostponeNs,
                      .offset_bytes = inode == 0 ? 0 : accepted_bytes_};
}

void SpoolReader::close() {
  deserializer_.reset();
  input_.reset();
  path_.clear();
  failure_.reset();
  accepted_bytes_ = cuts_seen_ = 0;
  is_at_end_ = is_tracked_ = false;
}

void SpoolReader::collect_metrics(MetricSink& sink) const {
  const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
  sink.gauge("spooldir_waiting_files", "Files of the last list that are still to be read.",
             number(waiting_count_.load()));
  sink.gauge("spooldir_files_set_aside", "Files left alone because something was wrong with them.",
             number(aside_count_.load()));
  sink.counter("spooldir_finished_files_total", "Files read to their end.", finished_.value());
  sink.counter("spooldir_set_aside_total", "Files set aside since the start.", set_aside_.value());
  sink.counter("spooldir_cut_events_total", "Events cut because of a length limit.",
               cut_events_.value());
  sink.counter("spooldir_read_failures_total", "Files that could not be read for the moment.",
               read_failures_.value());
  sink.counter("spooldir_tracker_failures_total", "Failed writes in trackerDir.",
               tracker_failures_.value());
}

}  // namespace spillway::agent
