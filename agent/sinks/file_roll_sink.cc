// `file_roll` sink: appends events to a file and starts a new one by time or size.
//
// A batch is written in one piece. What a failed write left behind is cut off, or the file is left
// for good: a retried batch never follows half a line. Flush per transaction survives the process;
// the machine only with sink.sync = batch.
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/registry.h"
#include "agent/serializer.h"
#include "agent/sinks/roll_path.h"
#include "wal/base/log.h"
#include "wal/io/append_file.h"
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
               .help = "What a delivered batch survives: the process, or with batch the machine "
                       "too, at the price of a sync per batch (not in Flume).",
               .choices = "none|batch"},
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
               .help = "Form of an event: its body, or headers and body.",
               .choices = Serializer::kChoices},
    OptionSpec{.name = "sink.serializer.appendNewline",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "End each event with a newline."},
    OptionSpec{.name = "sink.batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Events per transaction.",
               .min = 1,
               .max = 1'000'000},
};

// Names taken by somebody else that are skipped before giving up.
constexpr int kTakenNamesMax = 10'000;

class FileRollSink final : public Sink {
 public:
  FileRollSink(const ComponentContext& context, const Config& config)
      : name_(context.name),
        directory_(config.string("sink.directory")),
        roll_interval_ns_(config.millis("sink.rollInterval") * 1'000'000),
        roll_size_bytes_(config.bytes("sink.rollSize")),
        skips_empty_files_(config.boolean("sink.skipEmptyFiles")),
        syncs_batches_(config.string("sink.sync") == "batch"),
        batch_size_(config.count("sink.batchSize")),
        serializer_(config.string("sink.serializer"),
                    config.boolean("sink.serializer.appendNewline")),
        clock_(*context.clock),
        paths_({.directory = directory_,
                .manager = config.string("sink.pathManager"),
                .prefix = config.string("sink.pathManager.prefix"),
                .extension = config.string("sink.pathManager.extension")},
               clock_) {}

  Result<void> start() override {
    struct stat status {};
    if (::stat(directory_.c_str(), &status) != 0) {
      return io::os_error(errno, "cannot read sink.directory");
    }
    if (!S_ISDIR(status.st_mode)) {
      return Error{.code = Errc::kBadConfig, .what = "sink.directory is not a directory"};
    }
    if (::access(directory_.c_str(), W_OK | X_OK) != 0) {
      return io::os_error(errno, "cannot write to sink.directory");
    }
    return {};
  }

  void stop() override { close(); }  // deliver() has flushed

  [[nodiscard]] std::size_t batch_size() const override { return batch_size_; }

  Result<void> deliver(std::span<const channel::EventView> batch) override {
    if (out_.is_open() && is_roll_due()) close();
    if (!out_.is_open() && (!batch.empty() || !skips_empty_files_)) TRY(open_next());
    if (batch.empty()) return {};

    text_.clear();
    for (const channel::EventView& event : batch) serializer_.append(event, text_);
    if (const auto written = out_.append(as_bytes(text_)); !written.has_value()) {
      log_warn("file_roll.write_failed", "events will be written again",
               {{"sink", name_}, {"file", path_}, {"error", written.error()}});
      if (!out_.cut().has_value()) close();  // the retry must not follow half a line
      return written.error();
    }
    if (!syncs_batches_) return {};
    auto synced = out_.sync();
    if (!synced.has_value()) {
      log_warn("file_roll.sync_failed", "events will be written again to another file",
               {{"sink", name_}, {"file", path_}, {"error", synced.error()}});
      close();  // no later success on this file could be believed
    }
    return synced;
  }

 private:
  [[nodiscard]] bool is_roll_due() const {
    if (roll_size_bytes_ != 0 && out_.size_bytes() >= roll_size_bytes_) return true;
    return roll_interval_ns_ != 0 && clock_.monotonic_ns() - opened_at_ns_ >= roll_interval_ns_;
  }

  Result<void> open_next() {
    for (int taken = 0; taken < kTakenNamesMax; ++taken) {
      path_ = paths_.next();
      auto created = io::AppendFile::create(path_);
      if (created.has_value()) {
        out_ = std::move(created.value());
        opened_at_ns_ = clock_.monotonic_ns();
        counters_.connections_created.add();
        return {};
      }
      if (created.error().code == Errc::kExists) continue;  // Flume would overwrite it
      counters_.connections_failed.add();
      return created.error();
    }
    return Error{.code = Errc::kExists, .what = "every next file name is taken"};
  }

  void close() {
    if (!out_.is_open()) return;
    out_.close();
    counters_.connections_closed.add();
  }

  const std::string name_;
  const std::string directory_;
  const std::uint64_t roll_interval_ns_;
  const std::uint64_t roll_size_bytes_;
  const bool skips_empty_files_;
  const bool syncs_batches_;
  const std::size_t batch_size_;
  const Serializer serializer_;
  const Clock& clock_;

  RollPath paths_;
  std::string path_;  // of out_
  io::AppendFile out_;
  std::uint64_t opened_at_ns_ = 0;
  std::string text_;  // scratch
};

std::size_t batch_size(const Config& config) {
  return config.count("sink.batchSize");
}

Result<std::unique_ptr<Sink>> create(const ComponentContext& context, const Config& config) {
  return std::unique_ptr<Sink>(std::make_unique<FileRollSink>(context, config));
}

}  // namespace

const SinkType kFileRollSink{.name = "file_roll",
                             .java_class = "org.apache.flume.sink.RollingFileSink",
                             .help = "Writes events to files in a directory.",
                             .options = kOptions,
                             .batch_size = batch_size,
                             .create = create};

}  // namespace spillway::agent
