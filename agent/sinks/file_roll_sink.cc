// `file_roll` sink: appends events to a file and starts a new one by time or size.
//
// A batch is written to each file in one piece. When a write fails, what the batch has left in any
// file is cut off, or that file is left for good: a retried batch never follows half a line. Flush
// per transaction survives the process; the machine only with sink.sync.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/file_compression.h"
#include "agent/file_serializer.h"
#include "agent/path_template.h"
#include "agent/registry.h"
#include "agent/sinks/confined_directory.h"
#include "agent/sinks/roll_file.h"
#include "wal/base/log.h"
#include "wal/io/os_error.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "sink.directory",
               .type = OptionType::kPath,
               .help = "Existing directory for the output files.",
               .is_required = true},
    OptionSpec{.name = "sink.rollInterval",
               .type = OptionType::kSeconds,
               .default_value = "30",
               .help = "Start a new file after this time; 0: keep one file.",
               .max = 3'153'600'000},
    OptionSpec{.name = "sink.rollSize",
               .type = OptionType::kBytes,
               .default_value = "0",
               .help = "Start a new file once the current one has reached this size; 0: never "
                       "(not in Flume)."},
    OptionSpec{.name = "sink.skipEmptyFiles",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Create a file only when there is an event for it; Flume creates an empty "
                       "one per interval (not in Flume)."},
    OptionSpec{.name = "sink.sync",
               .type = OptionType::kEnum,
               .default_value = "none",
               .help = "What a delivered batch survives: the process; with roll the machine, once "
                       "its file is closed; with batch the machine at once, at the price of a sync "
                       "per batch (not in Flume).",
               .choices = "none|roll|batch"},
    OptionSpec{.name = "sink.path",
               .help = "Directory below sink.directory for each event, with the escapes of Flume's "
                       "hdfs sink, such as %{category}/%Y-%m-%d; created if missing. Nothing an "
                       "event says leads out of sink.directory (not in Flume)."},
    OptionSpec{.name = "sink.useLocalTimeStamp",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Times in sink.path are those of writing, not of header timestamp; an event "
                       "without that header has them anyway (not in Flume)."},
    OptionSpec{.name = "sink.timeZone",
               .type = OptionType::kEnum,
               .default_value = "local",
               .help = "Time zone of times in sink.path (not in Flume).",
               .choices = "local|utc"},
    OptionSpec{.name = "sink.maxOpenFiles",
               .type = OptionType::kCount,
               .default_value = "500",
               .help = "With sink.path, files kept open at once; the one not written to for the "
                       "longest time is closed (not in Flume).",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "sink.compression",
               .type = OptionType::kEnum,
               .default_value = "none",
               .help =
                   "Compress files; names get .gz or .zst. Each batch is a piece of its own, so "
                   "small batches compress badly (not in Flume).",
               .choices = FileCompression::kChoices},
    OptionSpec{.name = "sink.pathManager",
               .type = OptionType::kEnum,
               .default_value = "default",
               .help = "File names carry the sink's start time in milliseconds, or with rolltime "
                       "the local time of the roll.",
               .choices = "default|rolltime"},
    OptionSpec{.name = "sink.pathManager.prefix", .help = "Put before each file name."},
    OptionSpec{.name = "sink.pathManager.extension",
               .help = "Put behind each file name, after a dot."},
    OptionSpec{.name = "sink.serializer",
               .type = OptionType::kEnum,
               .default_value = "text",
               .help = "Form of a file: bodies, headers and bodies, or an Avro container file.",
               .choices = FileSerializerOptions::kChoices},
    OptionSpec{.name = "sink.serializer.appendNewline",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "End each event with a newline."},
    OptionSpec{.name = "sink.serializer.syncIntervalBytes",
               .type = OptionType::kBytes,
               .default_value = "2048000",
               .help = "Size of a block of an Avro file before compression; a batch ends one, too.",
               .min = 32,
               .max = 1'073'741'824},
    OptionSpec{.name = "sink.serializer.compressionCodec",
               .type = OptionType::kEnum,
               .default_value = "null",
               .help = "Compression of the blocks of an Avro file.",
               .choices = AvroCodec::kChoices},
    OptionSpec{.name = "sink.batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Events per transaction.",
               .min = 1,
               .max = 1'000'000},
};

RollFileOptions file_options(const Config& config, const FileSerializerOptions& serializer,
                             const FileCompression& compression) {
  return {.root = config.string("sink.directory"),
          .names = {.manager = config.string("sink.pathManager"),
                    .prefix = config.string("sink.pathManager.prefix"),
                    .extension = config.string("sink.pathManager.extension")},
          .serializer = serializer,
          .compression = compression};
}

class FileRollSink final : public Sink {
 public:
  FileRollSink(const ComponentContext& context, const Config& config, RollFileOptions files,
               std::optional<PathTemplate> path)
      : name_(context.name),
        roll_interval_ns_(config.millis("sink.rollInterval") * 1'000'000),
        roll_size_bytes_(config.bytes("sink.rollSize")),
        skips_empty_files_(config.boolean("sink.skipEmptyFiles") || path.has_value()),
        syncs_batches_(config.string("sink.sync") == "batch"),
        syncs_files_(config.string("sink.sync") != "none"),
        batch_size_(config.count("sink.batchSize")),
        open_files_max_(path ? config.count("sink.maxOpenFiles") : 1),
        file_options_(std::move(files)),
        clock_(*context.clock),
        path_(std::move(path)) {
    if (!path_) places_.try_emplace("", file_options_, "", clock_);  // named after this moment
  }

  Result<void> start() override {
    struct stat status {};
    const std::string& root = file_options_.root;
    if (::stat(root.c_str(), &status) != 0) {
      return io::os_error(errno, "cannot read sink.directory");
    }
    if (!S_ISDIR(status.st_mode)) {
      return Error{.code = Errc::kBadConfig, .what = "sink.directory is not a directory"};
    }
    if (::access(root.c_str(), W_OK | X_OK) != 0) {
      return io::os_error(errno, "cannot write to sink.directory");
    }
    return {};
  }

  void stop() override {  // deliver() has flushed
    for (auto& [key, place] : places_) close(place.file);
  }

  [[nodiscard]] std::size_t batch_size() const override { return batch_size_; }

  Result<void> deliver(std::span<const channel::EventView> batch) override {
    touched_.clear();
    close_due();
    if (!skips_empty_files_) {
      TRY_ASSIGN(Place* const place, place_of(""));
      TRY(open(*place));
    }
    auto written = add(batch);
    if (written.has_value()) written = write();
    if (!written.has_value()) {
      for (Place* const place : touched_) take_back(place->file);
    }
    return written;
  }

  void collect(MetricSink& sink) const override {
    sink.gauge("file_roll_open_files", "Files that are being written.",
               static_cast<double>(open_count_.load()));
    sink.counter("file_roll_missing_timestamps_total",
                 "Events without the header timestamp that sink.path asks for.",
                 missing_timestamps_.value());
  }

 private:
  struct Place {
    Place(const RollFileOptions& options, std::string path, const Clock& clock)
        : file(options, std::move(path), clock) {}

    RollFile file;
    std::uint64_t batch = 0;  // number of the last one with an event for it
  };

  Result<void> add(std::span<const channel::EventView> batch) {
    ++batch_number_;
    for (const channel::EventView& event : batch) {
      key_.clear();
      if (path_ && !path_->append(event, key_)) missing_timestamps_.add();
      TRY_ASSIGN(Place* const place, place_of(key_));
      if (place->batch != batch_number_) {
        TRY(open(*place));
        place->batch = batch_number_;
        touched_.push_back(place);
      }
      place->file.add(event);
    }
    return {};
  }

  // The place in hand is mostly that of the event before.
  Result<Place*> place_of(const std::string& key) {
    if (last_ != nullptr && key == last_key_) return last_;
    auto found = places_.find(key);
    if (found == places_.end()) {
      TRY(make_room());
      found = places_.try_emplace(key, file_options_, confined_path(key), clock_).first;
    }
    last_key_ = key;
    last_ = &found->second;
    return last_;
  }

  Result<void> open(Place& place) {
    if (place.file.is_open()) return {};
    auto opened = place.file.open();
    (opened.has_value() ? counters_.connections_created : counters_.connections_failed).add();
    if (opened.has_value()) open_count_.fetch_add(1);
    return opened;
  }

  Result<void> write() {
    for (Place* const place : touched_) {
      RollFile& file = place->file;
      const auto written = file.write();
      if (!written.has_value()) {
        log_warn("file_roll.write_failed", "events will be written again",
                 {{"sink", name_}, {"file", file.path()}, {"error", written.error()}});
        if (!file.is_open()) count_closed();
        return written.error();
      }
    }
    if (!syncs_batches_) return {};
    for (Place* const place : touched_) {
      const auto synced = place->file.sync();
      if (!synced.has_value()) {
        log_warn("file_roll.sync_failed", "events will be written again to another file",
                 {{"sink", name_}, {"file", place->file.path()}, {"error", synced.error()}});
        place->file.close();  // no later success on this file could be believed
        count_closed();
        return synced.error();
      }
    }
    return {};
  }

  [[nodiscard]] bool is_roll_due(const RollFile& file) const {
    if (roll_size_bytes_ != 0 && file.size_bytes() >= roll_size_bytes_) return true;
    return roll_interval_ns_ != 0 &&
           clock_.monotonic_ns() - file.opened_at_ns() >= roll_interval_ns_;
  }

  void close_due() {
    last_ = nullptr;
    for (auto at = places_.begin(); at != places_.end();) {
      RollFile& file = at->second.file;
      if (file.is_open() && is_roll_due(file)) close(file);
      // The one place of a sink without paths keeps its series of names.
      at = path_ && !file.is_open() ? places_.erase(at) : std::next(at);
    }
  }

  // Closes the file that was written to the longest ago. A batch for more places than may be open
  // is written in parts: when a later part fails, the earlier ones are written twice.
  Result<void> make_room() {
    if (places_.size() < open_files_max_) return {};
    const auto oldest = std::min_element(
        places_.begin(), places_.end(),
        [](const auto& a, const auto& b) { return a.second.batch < b.second.batch; });
    if (oldest->second.batch == batch_number_) {
      TRY(write());
      touched_.clear();
      ++batch_number_;
    }
    last_ = nullptr;
    close(oldest->second.file);
    places_.erase(oldest);
    return {};
  }

  void take_back(RollFile& file) {
    if (!file.is_open()) return;
    file.take_back();
    if (!file.is_open()) count_closed();
  }

  void close(RollFile& file) {
    if (!file.is_open()) return;
    if (syncs_files_ && !syncs_batches_) {
      const auto synced = file.sync();
      if (!synced.has_value()) {
        log_error("file_roll.close_failed", "events may be lost if the machine fails now",
                  {{"sink", name_}, {"file", file.path()}, {"error", synced.error()}});
      }
    }
    file.close();
    count_closed();
  }

  void count_closed() {
    counters_.connections_closed.add();
    open_count_.fetch_sub(1);
  }

  const std::string name_;
  const std::uint64_t roll_interval_ns_;
  const std::uint64_t roll_size_bytes_;
  const bool skips_empty_files_;
  const bool syncs_batches_;
  const bool syncs_files_;
  const std::size_t batch_size_;
  const std::size_t open_files_max_;
  const RollFileOptions file_options_;
  const Clock& clock_;

  std::optional<PathTemplate> path_;
  std::unordered_map<std::string, Place> places_;  // by rendered path; "" without sink.path
  std::vector<Place*> touched_;                    // by the batch in hand
  std::uint64_t batch_number_ = 0;
  std::string key_;       // scratch
  std::string last_key_;  // of last_
  Place* last_ = nullptr;
  std::atomic<std::int64_t> open_count_{0};
  Counter missing_timestamps_;
};

std::size_t batch_size(const Config& config) {
  return config.count("sink.batchSize");
}

Result<std::unique_ptr<Sink>> create(const ComponentContext& context, const Config& config) {
  TRY_ASSIGN(const FileSerializerOptions serializer, FileSerializerOptions::read(config, "sink."));
  TRY_ASSIGN(const FileCompression compression,
             FileCompression::named(config.string("sink.compression")));
  if (serializer.is_avro() && !compression.is_none()) {
    return Error{.code = Errc::kBadConfig,
                 .what =
                     "an Avro file is compressed with sink.serializer.compressionCodec, not "
                     "with sink.compression"};
  }
  std::optional<PathTemplate> path;
  if (config.is_given("sink.path")) {
    const PathTemplateOptions options{.is_utc = config.string("sink.timeZone") == "utc",
                                      .uses_local_time = config.boolean("sink.useLocalTimeStamp")};
    TRY_ASSIGN(path, PathTemplate::compile(config.string("sink.path"), options, *context.clock));
  }
  return std::unique_ptr<Sink>(std::make_unique<FileRollSink>(
      context, config, file_options(config, serializer, compression), std::move(path)));
}

}  // namespace

const SinkType kFileRollSink{.name = "file_roll",
                             .java_class = "org.apache.flume.sink.RollingFileSink",
                             .help = "Writes events to files in a directory.",
                             .options = kOptions,
                             .batch_size = batch_size,
                             .create = create};

}  // namespace spillway::agent
