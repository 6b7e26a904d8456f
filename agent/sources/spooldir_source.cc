// `spooldir` source: turns files that are put into a directory into events, at least once.
//
// A thread of its own reads file after file; a batch is offered until the channels take it, and
// only then does the tracker move. What goes wrong with one file is told and counted, and the
// others are read; Flume's source stops for good.
#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "agent/component.h"
#include "agent/config.h"
#include "agent/counted_receive.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/sources/spool_reader.h"
#include "agent/thread_name.h"
#include "agent/wake_event.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;

constexpr std::array kOptions{
    OptionSpec{.name = "spoolDir",
               .type = OptionType::kPath,
               .help = "Existing directory with the files to read.",
               .is_required = true},
    OptionSpec{.name = "fileSuffix",
               .default_value = ".COMPLETED",
               .help = "Put behind the name of a file that is read to its end."},
    OptionSpec{.name = "deletePolicy",
               .type = OptionType::kEnum,
               .default_value = "never",
               .help = "What happens to a file that is read to its end: it is kept, or deleted.",
               .choices = "never|immediate"},
    OptionSpec{.name = "fileHeader",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Add a header with the absolute path of the file."},
    OptionSpec{.name = "fileHeaderKey", .default_value = "file", .help = "Key of that header."},
    OptionSpec{.name = "basenameHeader",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Add a header with the name of the file."},
    OptionSpec{
        .name = "basenameHeaderKey", .default_value = "basename", .help = "Key of that header."},
    OptionSpec{.name = "includePattern",
               .default_value = "^.*$",
               .help = "Regular expression for the whole name of files to read."},
    OptionSpec{.name = "ignorePattern",
               .default_value = "^$",
               .help = "Regular expression for the whole name of files, and of directories, to "
                       "leave alone; wins over includePattern."},
    OptionSpec{.name = "trackerDir",
               .type = OptionType::kPath,
               .default_value = ".flumespool",
               .help = "Directory of what the source has to remember; below spoolDir unless it "
                       "begins with '/'. Created if missing."},
    OptionSpec{.name = "trackingPolicy",
               .type = OptionType::kEnum,
               .default_value = "rename",
               .help = "How a finished file is marked: by its new name, or by an empty file in "
                       "trackerDir, so that spoolDir need not be writable.",
               .choices = "rename|tracker_dir"},
    OptionSpec{.name = "consumeOrder",
               .type = OptionType::kEnum,
               .default_value = "oldest",
               .help = "Which file comes first, by time of modification.",
               .choices = "oldest|youngest|random"},
    OptionSpec{.name = "pollDelay",
               .type = OptionType::kMillis,
               .default_value = "500",
               .help = "Look for new files this often when there are none.",
               .min = 1,
               .max = 86'400'000},
    OptionSpec{.name = "recursiveDirectorySearch",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Read files in directories below spoolDir, too."},
    OptionSpec{.name = "maxBackoff",
               .type = OptionType::kMillis,
               .default_value = "4000",
               .help = "Longest wait between two attempts while the channels refuse a batch; the "
                       "first is 250 ms, each next one twice as long.",
               .min = 1,
               .max = 3'600'000},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "100",
               .help = "Most events per transaction, all of one file.",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "inputCharset",
               .type = OptionType::kEnum,
               .default_value = "utf-8",
               .help = "Character set of the files, for the deserializer line.",
               .choices = kCharsetChoices},
    OptionSpec{.name = "decodeErrorPolicy",
               .type = OptionType::kEnum,
               .default_value = "fail",
               .help = "What happens to bytes that are no text of inputCharset: the file is set "
                       "aside there (fail), they become U+FFFD (replace) or vanish (ignore).",
               .choices = "fail|replace|ignore"},
    OptionSpec{.name = "deserializer",
               .type = OptionType::kEnum,
               .default_value = "line",
               .help = "What an event is: a line, a value of an Avro container file, or the whole "
                       "file (BlobDeserializer).",
               .choices = "line|avro|org.apache.flume.serialization.linedeserializer$builder|"
                          "org.apache.flume.serialization.avroeventdeserializer$builder|"
                          "org.apache.flume.sink.solr.morphline.blobdeserializer$builder"},
    OptionSpec{.name = "deserializer.maxLineLength",
               .type = OptionType::kCount,
               .default_value = "2048",
               .help = "Most characters of an event; a longer line becomes several events.",
               .min = 1,
               .max = 67'108'864},
    OptionSpec{.name = "deserializer.outputCharset",
               .type = OptionType::kEnum,
               .default_value = "utf-8",
               .help = "Character set of the events' bodies, for the deserializer line.",
               .choices = kCharsetChoices},
    OptionSpec{.name = "deserializer.schemaType",
               .type = OptionType::kEnum,
               .default_value = "hash",
               .help = "How the deserializer avro names the schema: header flume.avro.schema.hash "
                       "with its CRC-64-AVRO fingerprint, or flume.avro.schema.literal.",
               .choices = "hash|literal"},
    OptionSpec{.name = "deserializer.maxBlockLength",
               .type = OptionType::kBytes,
               .default_value = "64MiB",
               .help = "Largest block of an Avro file, stored or decompressed (not in Flume).",
               .min = 1024,
               .max = 1024 * kMiB},
    OptionSpec{.name = "deserializer.maxBlobLength",
               .type = OptionType::kBytes,
               .default_value = "100000000",
               .help = "Most bytes of an event of BlobDeserializer; a larger file becomes several.",
               .min = 1,
               .max = 2'147'483'647},
    OptionSpec{.name = "bufferMaxLineLength",
               .type = OptionType::kCount,
               .help = "Deprecated name of deserializer.maxLineLength.",
               .min = 1,
               .max = 67'108'864},
    OptionSpec{.name = "bufferMaxLines",
               .type = OptionType::kCount,
               .help = "Flume's former size of a buffer.",
               .notice = "it has no effect in Flume either"},
};

constexpr milliseconds kFirstBackoff{250};

std::string without_slash(std::string_view path) {
  std::string normal = std::filesystem::path(path).lexically_normal().string();
  if (normal.size() > 1 && normal.ends_with('/')) normal.pop_back();
  return normal;
}

DeserializerOptions deserializer_options(const Config& config) {
  const std::string& name = config.string("deserializer");
  using Kind = DeserializerOptions::Kind;
  const bool is_avro = name.find("avro") != std::string::npos;
  const bool is_blob = name.find("blob") != std::string::npos;
  const bool has_old_limit =
      config.is_given("bufferMaxLineLength") && !config.is_given("deserializer.maxLineLength");
  return {.kind = is_avro ? Kind::kAvro : (is_blob ? Kind::kBlob : Kind::kLine),
          .input_charset = config.string("inputCharset"),
          .output_charset = config.string("deserializer.outputCharset"),
          .decode_policy = decode_policy_named(config.string("decodeErrorPolicy")),
          .line_chars_max =
              config.count(has_old_limit ? "bufferMaxLineLength" : "deserializer.maxLineLength"),
          .schema_header = config.string("deserializer.schemaType") == "literal"
                               ? DeserializerOptions::AvroSchemaHeader::kLiteral
                               : DeserializerOptions::AvroSchemaHeader::kHash,
          .avro_block_bytes_max = config.bytes("deserializer.maxBlockLength"),
          .blob_bytes_max = config.bytes("deserializer.maxBlobLength")};
}

SpoolReaderOptions reader_options(const ComponentContext& context, const Config& config) {
  const std::string directory = without_slash(config.string("spoolDir"));
  const std::string& tracker = config.string("trackerDir");
  const std::string& order = config.string("consumeOrder");
  return {
      .source_name = context.name,
      .directory = {.directory = directory,
                    .tracker_directory = without_slash(
                        tracker.starts_with('/') ? tracker : directory + "/" + tracker),
                    .completed_suffix = config.string("fileSuffix"),
                    .include_pattern = config.string("includePattern"),
                    .ignore_pattern = config.string("ignorePattern"),
                    .order = order == "oldest"     ? ConsumeOrder::kOldest
                             : order == "youngest" ? ConsumeOrder::kYoungest
                                                   : ConsumeOrder::kRandom,
                    .is_recursive = config.boolean("recursiveDirectorySearch"),
                    .marks_in_tracker = config.string("trackingPolicy") == "tracker_dir",
                    .list_interval_ns = config.millis("pollDelay") * 1'000'000},
      .deserializer = deserializer_options(config),
      .deletes_finished = config.string("deletePolicy") == "immediate",
      .file_key = config.boolean("fileHeader") ? config.string("fileHeaderKey") : "",
      .basename_key = config.boolean("basenameHeader") ? config.string("basenameHeaderKey") : ""};
}

class SpooldirSource final : public Source {
 public:
  SpooldirSource(const ComponentContext& context, const Config& config, SpoolDirectory directory,
                 EventReceiver& receiver)
      : name_(context.name),
        poll_delay_(config.millis("pollDelay")),
        backoff_max_(config.millis("maxBackoff")),
        batch_size_(config.count("batchSize")),
        receiver_(receiver),
        reader_(reader_options(context, config), std::move(directory), *context.clock) {}
  ~SpooldirSource() override { stop(); }

  Result<void> start() override {
    const auto last = receiver_.bookmark(name_);
    const bool is_kept = last.has_value();
    if (!is_kept && last.error().code != Errc::kUnsupported) return last.error();
    TRY(reader_.start());
    if (is_kept) reader_.keep_bookmarks(last.value());
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() override {
    stop_.set();
    if (thread_.joinable()) thread_.join();
  }

  void collect(MetricSink& sink) const override {
    reader_.collect_metrics(sink);
    sink.counter("spooldir_dropped_events_total", "Events no channel can hold.", dropped_.value());
  }

 private:
  void run() {
    name_this_thread("src", name_);
    while (!stop_.is_set()) {
      batch_.clear();
      const auto collected = reader_.collect(batch_, batch_size_);
      if (!collected.has_value()) {
        counters_.read_failures.add();
        log_warn("spooldir.list_failed", "spooling directory cannot be read; will try again",
                 {{"source", name_}, {"error", collected.error()}});
      }
      if (batch_.is_empty()) {
        if (stop_.wait_for(poll_delay_)) return;
      } else {
        const auto bookmark = reader_.bookmark();
        if (bookmark) batch_.set_bookmark({.key = name_, .value = *bookmark});
        if (hand_on()) reader_.accept();
      }
    }
  }

  // Offers the batch until it is accepted; false: the source stops, and it will be read again.
  bool hand_on() {
    const auto offered = offer(batch_);
    if (offered.has_value()) return true;
    return offered.error().code == Errc::kTooLarge && offer_one_by_one();
  }

  Result<void> offer(const channel::EventBatch& batch) {
    milliseconds backoff = std::min(kFirstBackoff, backoff_max_);
    Attempt attempt = Attempt::kFirst;
    while (true) {
      const auto received = receive_counted(receiver_, batch, counters_, attempt);
      if (received.has_value() || received.error().code == Errc::kTooLarge) return received;
      TRY_ASSIGN(const bool is_put, find_out(batch));
      if (is_put) return {};
      log_warn("source.refused", "channels refuse events; the source waits",
               {{"source", name_}, {"error", received.error()}});
      if (stop_.wait_for(backoff)) return Error{.code = Errc::kClosed, .what = "source stops"};
      backoff = std::min(backoff * 2, backoff_max_);
      attempt = Attempt::kRetry;
    }
  }

  // Whether a put that failed is in the channel all the same; asks until somebody knows. kClosed:
  // the source stops, and the next start finds it out.
  Result<bool> find_out(const channel::EventBatch& batch) {
    milliseconds backoff = std::min(kFirstBackoff, backoff_max_);
    while (batch.bookmark()) {
      const auto last = receiver_.bookmark(name_);
      if (last.has_value()) return last.value() == batch.bookmark()->value;
      if (last.error().code == Errc::kUnsupported) return false;
      if (stop_.wait_for(backoff)) return Error{.code = Errc::kClosed, .what = "source stops"};
      backoff = std::min(backoff * 2, backoff_max_);
    }
    return false;
  }

  // Finds the events that no transaction can hold, so that they do not block the others.
  bool offer_one_by_one() {
    channel::EventBatch single;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      single.clear();
      single.add(batch_[i]);
      const auto offered = offer(single);
      if (offered.has_value()) continue;
      if (offered.error().code != Errc::kTooLarge) return false;
      dropped_.add();
      counters_.processing_failures.add();
      log_error("source.event_too_large", "event dropped: no channel can hold it",
                {{"source", name_}, {"file", reader_.path()}, {"bytes", batch_[i].body().size()}});
    }
    return true;
  }

  const std::string name_;
  const milliseconds poll_delay_;
  const milliseconds backoff_max_;
  const std::size_t batch_size_;
  EventReceiver& receiver_;

  WakeEvent stop_;
  Counter dropped_;
  SpoolReader reader_;         // thread_, while it runs
  channel::EventBatch batch_;  // likewise
  std::thread thread_;
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  if (config.string("fileSuffix").empty() && config.string("trackingPolicy") == "rename" &&
      config.string("deletePolicy") == "never") {
    return Error{.code = Errc::kBadConfig, .what = "fileSuffix must not be empty"};
  }
  const SpoolReaderOptions options = reader_options(context, config);
  TRY_ASSIGN(SpoolDirectory directory, SpoolDirectory::create(options.directory, *context.clock));
  // Does this host know the character sets?
  TRY(TextDecoder::create(options.deserializer.input_charset, DecodePolicy::kFail));
  TRY(TextEncoder::create(options.deserializer.output_charset));
  return std::unique_ptr<Source>(
      std::make_unique<SpooldirSource>(context, config, std::move(directory), receiver));
}

}  // namespace

const SourceType kSpooldirSource{.name = "spooldir",
                                 .java_class = "org.apache.flume.source.SpoolDirectorySource",
                                 .help = "Reads files that are put into a directory.",
                                 .options = kOptions,
                                 .batch_size = batch_size,
                                 .create = create};

}  // namespace spillway::agent
