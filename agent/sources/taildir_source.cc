// `taildir` source: follows files by pattern and makes an event of each line.
//
// An offset moves in memory once the channels have accepted the lines before it, and on disk every
// writePosInterval, on rotation, when idle and at the stop. What came in between is in the bookmark
// of the last put, where the channel keeps bookmarks: then a crash repeats and loses no line.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/counted_receive.h"
#include "agent/home_path.h"
#include "agent/registry.h"
#include "agent/sources/tail_checkpoint.h"
#include "agent/sources/tail_set.h"
#include "agent/sources/tail_window.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kDefaultPositionFile = "~/.flume/taildir_position.json";

constexpr std::array kOptions{
    OptionSpec{.name = "filegroups",
               .type = OptionType::kList,
               .help = "Names of the file groups.",
               .is_required = true},
    OptionSpec{.name = "filegroups.*",
               .help = "Files of a group: an absolute directory, and behind the last '/' a regular "
                       "expression for the whole file name.",
               .is_required = true},
    OptionSpec{.name = "headers.*",
               .help = "headers.<group>.<key> adds a header to the events of a group."},
    OptionSpec{.name = "positionFile",
               .type = OptionType::kPath,
               .default_value = kDefaultPositionFile,
               .help = "Keeps how far each file was read; Flume's format. Beside it, "
                       "<positionFile>.heads keeps what tells files apart."},
    OptionSpec{.name = "byteOffsetHeader",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Add header byteoffset: where the line begins in its file."},
    OptionSpec{.name = "skipToEnd",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Start at the end of files that exist at the start and have no position."},
    OptionSpec{.name = "idleTimeout",
               .type = OptionType::kMillis,
               .default_value = "120000",
               .help = "A file unchanged for this long gives up its unterminated last line, and is "
                       "closed if it was rotated away.",
               .max = 31'536'000'000},
    OptionSpec{.name = "writePosInterval",
               .type = OptionType::kMillis,
               .default_value = "3000",
               .help = "Write the position file this often.",
               .max = 86'400'000},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Most lines per transaction; may come from several files.",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "maxBatchCount",
               .type = OptionType::kCount,
               .default_value = "9223372036854775807",
               .help = "Full batches to take from one file before the next one has its turn.",
               .min = 1},
    OptionSpec{.name = "cachePatternMatching",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "List a directory only after its time of change has moved."},
    OptionSpec{.name = "fileHeader",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Add a header with the absolute path of the file."},
    OptionSpec{.name = "fileHeaderKey", .default_value = "file", .help = "Key of that header."},
    OptionSpec{.name = "maxLineLength",
               .type = OptionType::kBytes,
               .default_value = "1MiB",
               .help = "Longer lines become several events (not in Flume, which has no limit).",
               .min = 16,
               .max = 256 * kMiB},
    OptionSpec{.name = "maxFiles",
               .type = OptionType::kCount,
               .default_value = "100000",
               .help = "Files beyond this number are not followed (not in Flume).",
               .min = 1,
               .max = 10'000'000},
    OptionSpec{.name = "maxOpenFiles",
               .type = OptionType::kCount,
               .default_value = "512",
               .help = "Files kept open at once (not in Flume).",
               .min = 4,
               .max = 1'000'000},
};

constexpr std::string_view kByteOffsetKey = "byteoffset";
constexpr std::size_t kFilesLookedAtFreely = 1'000;
// Saves that come before writePosInterval: after rotations, and before an idle source is polled
// less and less often.
constexpr std::uint64_t kMovedSaveNs = 200'000'000;
constexpr std::uint64_t kIdleSaveNs = 1'000'000'000;
constexpr std::uint64_t kLookPauseNs = 100'000'000;  // where there are more files than that

using Headers = std::vector<std::pair<std::string, std::string>>;

struct GroupConfig {
  std::vector<TailGroup> groups;
  std::vector<Headers> headers;  // by group
};

// Does "<group>.<key>" belong to `group`? Then returns its key.
std::string_view key_below(std::string_view name, const std::string& group) {
  const bool is_below =
      name.size() > group.size() + 1 && name.starts_with(group) && name[group.size()] == '.';
  return is_below ? name.substr(group.size() + 1) : std::string_view();
}

Result<GroupConfig> read_groups(const Config& config) {
  GroupConfig read;
  const std::vector<std::string> names = config.list("filegroups");
  const auto patterns = config.below("filegroups.");
  const auto headers = config.below("headers.");
  if (names.empty()) return Error{.code = Errc::kBadConfig, .what = "filegroups names no group"};
  for (const auto& [name, value] : patterns) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      return Error{.code = Errc::kBadConfig,
                   .what = "filegroups.<name> is set for a name that filegroups does not list"};
    }
  }
  std::size_t headers_used = 0;
  for (const std::string& name : names) {
    const auto pattern = std::find_if(patterns.begin(), patterns.end(),
                                      [&](const auto& entry) { return entry.first == name; });
    if (pattern == patterns.end()) {
      return Error{.code = Errc::kBadConfig,
                   .what = "filegroups lists a name without a filegroups.<name>"};
    }
    TRY_ASSIGN(TailGroup group, TailGroup::create(pattern->second));
    read.groups.push_back(std::move(group));
    Headers& own = read.headers.emplace_back();
    for (const auto& [key, value] : headers) {
      const std::string_view header = key_below(key, name);
      if (!header.empty()) own.emplace_back(header, value);
    }
    headers_used += own.size();
  }
  if (headers_used < headers.size()) {
    return Error{.code = Errc::kBadConfig,
                 .what = "headers.<group>.<key> names a group that filegroups does not list"};
  }
  return read;
}

Result<std::string> position_path(const Config& config) {
  const std::string& path = config.string("positionFile");
  if (config.is_given("positionFile")) return path;  // Flume does not expand what is written
  return expand_home(path);
}

TailSetOptions set_options(const ComponentContext& context, const Config& config) {
  return {.source_name = context.name,
          .files_max = config.count("maxFiles"),
          .open_files_max = config.count("maxOpenFiles"),
          .idle_timeout_ns = config.millis("idleTimeout") * 1'000'000,
          .skips_to_end = config.boolean("skipToEnd"),
          .caches_pattern_matching = config.boolean("cachePatternMatching")};
}

class TaildirSource final : public Source {
 public:
  TaildirSource(const ComponentContext& context, const Config& config, GroupConfig groups,
                std::string positions, EventReceiver& receiver)
      : name_(context.name),
        position_path_(std::move(positions)),
        save_interval_ns_(config.millis("writePosInterval") * 1'000'000),
        batch_size_(config.count("batchSize")),
        batches_per_round_(config.count("maxBatchCount")),
        adds_offset_(config.boolean("byteOffsetHeader")),
        file_key_(config.boolean("fileHeader") ? config.string("fileHeaderKey") : ""),
        group_headers_(std::move(groups.headers)),
        clock_(*context.clock),
        receiver_(receiver),
        checkpoint_(name_, position_path_, receiver),
        files_(set_options(context, config), std::move(groups.groups), clock_),
        window_(config.bytes("maxLineLength")),
        batch_limit_(batch_size_) {}

  Result<void> start() override {
    TRY_ASSIGN(const ParsedPositions loaded, checkpoint_.load());
    if (!loaded.is_complete) keep_damaged_copy(loaded.positions.size());
    files_.restore(loaded.positions);
    saved_at_ns_ = clock_.monotonic_ns();
    is_started_ = true;
    return {};
  }

  void stop() override {
    // A put in doubt counts as whatever its bookmark says: no other checkpoint may say otherwise.
    if (is_started_ && is_unsaved_ && !in_doubt_) save_positions();
  }

  Result<Poll> poll() override {
    if (in_doubt_) return settle(*in_doubt_);
    batch_.clear();
    touched_.clear();
    collect_round();
    if (touched_.empty()) {  // what was left of the round had nothing more: look again
      start_round();
      collect_round();
    }
    if (is_unsaved_ && is_save_due()) save_positions();
    if (touched_.empty()) return Poll::kIdle;
    return hand_on();
  }

  void collect(MetricSink& sink) const override {
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    sink.gauge("taildir_files", "Files followed.", number(files_.file_count()));
    sink.gauge("taildir_open_files", "Files held open.", number(files_.open_count()));
    sink.gauge("taildir_unread_bytes", "Bytes of the files not accepted yet.",
               number(files_.unread_bytes()));
    sink.counter("taildir_restarts_total", "Files read again after truncation or replacement.",
                 files_.restart_count());
    sink.counter("taildir_dropped_lines_total", "Lines no channel can hold.",
                 dropped_lines_.value());
    sink.counter("taildir_position_failures_total", "Failed writes of the position file.",
                 save_failures_.value());
  }

 private:
  void start_round() {
    const std::uint64_t now = clock_.monotonic_ns();
    const bool is_look_cheap = files_.file_count() <= kFilesLookedAtFreely;
    if (is_look_cheap || now - looked_at_ns_ >= kLookPauseNs) {
      looked_at_ns_ = now;
      if (files_.look()) is_unsaved_ = has_moved_ = true;
    } else {
      files_.look_at_some(round_);
    }
    window_.invalidate();
    round_ = files_.readable();
    round_at_ = 0;
    for (TailFile* const file : round_) file->batches_in_round = 0;
  }

  void collect_round() {
    while (round_at_ < round_.size() && batch_.size() < batch_limit_ &&
           touched_.size() < TailCheckpoint::kFilesMax) {
      if (!collect(*round_[round_at_])) ++round_at_;
    }
  }

  // Adds lines of `file` until the batch is full; false: its turn in this round is over.
  bool collect(TailFile& file) {
    const auto opened = files_.open(file);
    if (!opened.has_value()) return report_unreadable(file, opened.error());
    const auto rest = files_.is_idle(file) ? TailWindow::Rest::kDeliver : TailWindow::Rest::kHold;
    while (batch_.size() < batch_limit_) {
      // What came after the look waits for the next round: a busy file does not starve the rest.
      if (file.next_offset >= file.size_bytes()) return false;
      const auto line = window_.line_at(file, file.next_offset, rest);
      if (!line.has_value()) return report_unreadable(file, line.error());
      if (!line.value()) {
        file.held_at_bytes = file.size_bytes();
        return false;
      }
      if (file.next_offset == file.accepted_bytes()) touched_.push_back(&file);
      take(file, *line.value());
    }
    return ++file.batches_in_round < batches_per_round_;
  }

  void take(TailFile& file, const TailWindow::Line& line) {
    // The newline that comes late, after its line was given up as unterminated.
    const bool is_late_end =
        line.is_terminated && line.text.empty() && file.next_offset == file.split_end;
    if (!is_late_end) add_event(file, line.text);
    file.next_offset = line.end_offset;
    if (!line.is_terminated) file.split_end = line.end_offset;
  }

  void add_event(const TailFile& file, std::string_view body) {
    headers_.clear();
    bool adds_offset = adds_offset_ && file_key_ != kByteOffsetKey;
    for (const auto& [key, value] : group_headers_[file.group]) {
      if (key == file_key_) continue;  // the later one wins, as in Flume
      if (key == kByteOffsetKey) adds_offset = false;
      headers_.push_back({.key = key, .value = value});
    }
    if (!file_key_.empty()) headers_.push_back({.key = file_key_, .value = file.path});
    std::array<char, std::numeric_limits<std::uint64_t>::digits10 + 1> digits{};
    if (adds_offset) {
      const auto end =
          std::to_chars(digits.data(), digits.data() + digits.size(), file.next_offset).ptr;
      headers_.push_back({.key = kByteOffsetKey,
                          .value = {digits.data(), static_cast<std::size_t>(end - digits.data())}});
    }
    batch_.add(headers_, body);
  }

  bool report_unreadable(const TailFile& file, const Error& error) {
    if (error.code == Errc::kNotFound) return false;  // rotated since the look
    counters_.read_failures.add();
    log_warn("taildir.read_failed", "file cannot be read; will try again",
             {{"source", name_}, {"file", file.path}, {"error", error}});
    return false;
  }

  Result<Poll> hand_on() {
    const bool is_pausing = has_save_failed_ && !is_save_due();
    if (checkpoint_.needs_save(touched_) && !is_pausing) save_positions();
    const auto bookmark = checkpoint_.bookmark(touched_);
    if (bookmark) batch_.set_bookmark({.key = name_, .value = *bookmark});
    const auto received = receive_counted(receiver_, batch_, counters_, attempt_);
    attempt_ = received.has_value() ? Attempt::kFirst : Attempt::kRetry;
    if (received.has_value()) {
      batch_limit_ = std::min(batch_size_, batch_limit_ * 2);
      accept();
      return Poll::kReady;
    }
    if (received.error().code == Errc::kTooLarge) {
      if (batch_.size() == 1) {
        drop_line();
        return Poll::kReady;
      }
      batch_limit_ = batch_.size() / 2;  // finds the line that does not fit
      rewind();
      return Poll::kReady;
    }
    return settle(received.error());
  }

  // After `error` the batch may be in the channel all the same.
  Result<Poll> settle(const Error& error) {
    const auto is_put = checkpoint_.is_put(batch_);
    in_doubt_.reset();
    if (!is_put.has_value()) {
      in_doubt_ = error;
      return is_put.error();
    }
    if (is_put.value()) {
      attempt_ = Attempt::kFirst;
      accept();
      return Poll::kReady;
    }
    rewind();
    return error;
  }

  void accept() {
    checkpoint_.accept(touched_);
    for (TailFile* const file : touched_) file->accept_until(file->next_offset);
    is_unsaved_ = true;
  }

  void rewind() {
    for (TailFile* const file : touched_) {
      file->next_offset = file->accepted_bytes();
      file->held_at_bytes = 0;  // there are whole lines again
    }
    round_.clear();
    round_at_ = 0;
  }

  void drop_line() {
    dropped_lines_.add();
    counters_.processing_failures.add();
    log_error(
        "source.event_too_large", "event dropped: no channel can hold it",
        {{"source", name_}, {"file", touched_.back()->path}, {"bytes", batch_[0].body().size()}});
    attempt_ = Attempt::kFirst;
    accept();
  }

  [[nodiscard]] bool is_save_due() const {
    std::uint64_t pause_ns = save_interval_ns_;
    if (touched_.empty()) pause_ns = std::min(pause_ns, kIdleSaveNs);
    if (has_moved_) pause_ns = std::min(pause_ns, kMovedSaveNs);
    return clock_.monotonic_ns() - saved_at_ns_ >= pause_ns;
  }

  void save_positions() {
    saved_at_ns_ = clock_.monotonic_ns();
    has_moved_ = false;
    const auto saved = checkpoint_.save(files_.positions(), files_.file_ids());
    has_save_failed_ = !saved.has_value();
    if (saved.has_value()) {
      is_unsaved_ = false;
      return;
    }
    save_failures_.add();
    log_warn("taildir.position_save_failed", "a crash now would repeat more lines",
             {{"source", name_}, {"file", position_path_}, {"error", saved.error()}});
  }

  void keep_damaged_copy(std::size_t whole_entries) const {
    const std::string copy = position_path_ + ".damaged";
    std::error_code ignored;
    std::filesystem::copy_file(position_path_, copy,
                               std::filesystem::copy_options::overwrite_existing, ignored);
    log_error("taildir.position_damaged", "files missing from it are read from their beginning",
              {{"source", name_},
               {"file", position_path_},
               {"copy", copy},
               {"whole_entries", whole_entries}});
  }

  const std::string name_;
  const std::string position_path_;
  const std::uint64_t save_interval_ns_;
  const std::size_t batch_size_;
  const std::uint64_t batches_per_round_;
  const bool adds_offset_;
  const std::string file_key_;  // empty: no such header
  const std::vector<Headers> group_headers_;
  const Clock& clock_;
  EventReceiver& receiver_;

  TailCheckpoint checkpoint_;
  TailSet files_;
  TailWindow window_;
  std::vector<TailFile*> round_;  // files that have their turn
  std::size_t round_at_ = 0;
  std::uint64_t looked_at_ns_ = 0;

  channel::EventBatch batch_;
  std::vector<channel::HeaderView> headers_;  // scratch
  std::vector<TailFile*> touched_;            // files with lines in batch_
  std::size_t batch_limit_;  // below batch_size_ while a line that does not fit is searched
  Attempt attempt_ = Attempt::kFirst;
  std::optional<Error> in_doubt_;  // why nobody knows whether batch_ is in the channel

  bool is_started_ = false;
  bool is_unsaved_ = false;
  bool has_save_failed_ = false;  // the last one
  bool has_moved_ = false;        // files came, went or were restarted since the last save
  std::uint64_t saved_at_ns_ = 0;
  Counter dropped_lines_;
  Counter save_failures_;
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  TRY_ASSIGN(GroupConfig groups, read_groups(config));
  TRY_ASSIGN(std::string path, position_path(config));
  return std::unique_ptr<Source>(std::make_unique<TaildirSource>(context, config, std::move(groups),
                                                                 std::move(path), receiver));
}

}  // namespace

const SourceType kTaildirSource{.name = "taildir",
                                .java_class = "org.apache.flume.source.taildir.TaildirSource",
                                .help = "Follows files by pattern and reads new lines.",
                                .options = kOptions,
                                .batch_size = batch_size,
                                .create = create};

}  // namespace spillway::agent
