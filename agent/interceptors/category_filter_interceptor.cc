// `category_filter` interceptor: only registered values of a header pass.
//
// The values are the lines of a file, which is read again when it has changed: categories are
// registered without touching the agent. As long as the file has never been read no event passes
// and none is dropped: the batch is refused and the source keeps it. A file that later disappears
// or grows too large leaves the last values in force. Ours; Flume has nothing like it.
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <functional>
#include <string>
#include <unordered_set>
#include <utility>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/registry.h"
#include "wal/base/log.h"
#include "wal/base/mutex.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "header",
               .default_value = "category",
               .help = "Header whose value must be registered."},
    OptionSpec{.name = "file",
               .type = OptionType::kPath,
               .help = "File with one value per line; empty lines and those that begin with # do "
                       "not count.",
               .is_required = true},
    OptionSpec{.name = "checkInterval",
               .type = OptionType::kMillis,
               .default_value = "1000",
               .help = "Shortest time between two looks at whether the file has changed."},
    OptionSpec{.name = "allowMissing",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Whether events without the header pass."},
};

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr off_t kFileBytesMax = off_t{64} * 1024 * 1024;

struct HashText {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};
using Values = std::unordered_set<std::string, HashText, std::equal_to<>>;

/// What tells one version of the file from another.
struct Version {
  dev_t device = 0;
  ino_t inode = 0;
  off_t bytes = 0;
  std::int64_t changed_ns = 0;

  friend bool operator==(const Version&, const Version&) = default;
};

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

class CategoryFilterInterceptor final : public Interceptor {
 public:
  CategoryFilterInterceptor(const ComponentContext& context, const Config& config)
      : name_(context.name),
        clock_(*context.clock),
        header_(config.string("header")),
        path_(config.string("file")),
        interval_ns_(config.millis("checkInterval") * kNsPerMs),
        is_missing_allowed_(config.boolean("allowMissing")) {}

  Result<void> begin_batch() override {
    const MutexLock lock(mutex_);
    const std::uint64_t now_ns = clock_.monotonic_ns();
    if (is_read_ && now_ns < look_at_ns_) return {};
    look_at_ns_ = now_ns + interval_ns_;
    const Result<void> refreshed = refresh();
    if (refreshed.has_value()) {
      is_failing_ = false;
      return {};
    }
    if (!std::exchange(is_failing_, true)) {
      log_warn("interceptor.categories_unread", "the file of categories cannot be read",
               {{"interceptor", name_}, {"path", path_}, {"error", refreshed.error()}});
    }
    return is_read_ ? Result<void>() : refreshed;
  }

  Verdict intercept(EventDraft& event) override {
    const auto value = event.header(header_);
    if (!value) return is_missing_allowed_ ? Verdict::kKeep : Verdict::kDrop;
    const MutexLock lock(mutex_);
    return values_.contains(*value) ? Verdict::kKeep : Verdict::kDrop;
  }

  void collect(MetricSink& sink) const override {
    const MutexLock lock(mutex_);
    sink.gauge("categories", "Values that pass.", static_cast<double>(values_.size()));
    sink.counter("category_reads_total", "Times the file of categories was read.", reads_);
  }

 private:
  Result<void> refresh() REQUIRES(mutex_) {
    struct stat status {};
    if (::stat(path_.c_str(), &status) != 0) {
      return Error{
          .code = Errc::kUnavailable, .os_error = errno, .what = "cannot look at the file"};
    }
    const Version version{
        .device = status.st_dev,
        .inode = status.st_ino,
        .bytes = status.st_size,
        .changed_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec};
    if (is_read_ && version == version_) return {};
    if (!S_ISREG(status.st_mode) || status.st_size > kFileBytesMax) {
      return Error{.code = Errc::kTooLarge, .what = "not a regular file of at most 64 MiB"};
    }
    std::ifstream file(path_, std::ios::binary);
    Values values;
    std::string line;
    while (std::getline(file, line)) {
      const std::string_view value = trimmed(line);
      if (!value.empty() && !value.starts_with('#')) values.emplace(value);
    }
    if (!file.eof()) {
      return Error{.code = Errc::kUnavailable, .os_error = errno, .what = "cannot read the file"};
    }
    values_ = std::move(values);
    version_ = version;
    is_read_ = true;
    ++reads_;
    log_info("interceptor.categories_read", "the file of categories was read",
             {{"interceptor", name_}, {"path", path_}, {"categories", values_.size()}});
    return {};
  }

  const std::string name_;
  const Clock& clock_;
  const std::string header_;
  const std::string path_;
  const std::uint64_t interval_ns_;
  const bool is_missing_allowed_;

  mutable Mutex mutex_;
  Values values_ GUARDED_BY(mutex_);
  Version version_ GUARDED_BY(mutex_);
  std::uint64_t look_at_ns_ GUARDED_BY(mutex_) = 0;
  std::uint64_t reads_ GUARDED_BY(mutex_) = 0;
  bool is_read_ GUARDED_BY(mutex_) = false;
  bool is_failing_ GUARDED_BY(mutex_) = false;
};

std::unique_ptr<Interceptor> create(const ComponentContext& context, const Config& config) {
  return std::make_unique<CategoryFilterInterceptor>(context, config);
}

}  // namespace

const InterceptorType kCategoryFilterInterceptor{
    .name = "category_filter",
    .java_class = "",
    .help = "Lets pass what a file lists, and reads it again when it changes.",
    .options = kOptions,
    .can_drop = true,
    .create = create,
};

}  // namespace spillway::agent
