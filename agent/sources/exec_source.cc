// `exec` source: runs a command and makes an event of each line it prints.
//
// Lines are kept and offered again while the channels refuse them, and meanwhile the pipe is not
// read, so the command waits; Flume drops them. What was read and not accepted is lost when the
// agent dies or stops: a command cannot be asked to repeat itself. Use taildir for files.
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>
#include <utility>

#include "agent/child_process.h"
#include "agent/component.h"
#include "agent/config.h"
#include "agent/line_splitter.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/retrying_batch.h"
#include "agent/text_decoder.h"
#include "agent/wake_event.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;

constexpr std::array kOptions{
    OptionSpec{.name = "command",
               .help = "Command to run; without shell it is split on white space and quotes mean "
                       "nothing.",
               .is_required = true},
    OptionSpec{.name = "shell",
               .help = "Shell to run the command with, such as /bin/bash -c; the command becomes "
                       "its last argument."},
    OptionSpec{.name = "restart",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Run the command again when it ends."},
    OptionSpec{.name = "restartThrottle",
               .type = OptionType::kMillis,
               .default_value = "10000",
               .help = "Wait this long before running it again.",
               .max = 86'400'000},
    OptionSpec{.name = "logStdErr",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Log what the command prints on standard error instead of discarding it."},
    OptionSpec{.name = "batchSize",
               .type = OptionType::kCount,
               .default_value = "20",
               .help = "Most lines per transaction.",
               .min = 1,
               .max = 1'000'000},
    OptionSpec{.name = "batchTimeout",
               .type = OptionType::kMillis,
               .default_value = "3000",
               .help = "Longest time a line waits for its batch to fill.",
               .min = 1,
               .max = 86'400'000},
    OptionSpec{.name = "charset",
               .type = OptionType::kEnum,
               .default_value = "utf-8",
               .help = "Character set of the output; bytes pass unchanged, so any that keeps ASCII "
                       "line ends will do.",
               .choices = kAsciiCharsetChoices},
    OptionSpec{.name = "maxLineLength",
               .type = OptionType::kBytes,
               .default_value = "1MiB",
               .help = "Longer lines become several events (not in Flume, which has no limit).",
               .min = 16,
               .max = 256 * kMiB},
};

constexpr milliseconds kTerminateGrace{2'000};  // between SIGTERM and SIGKILL
constexpr std::size_t kStderrLineBytesMax = 8'192;
constexpr std::size_t kReadBytes = 65'536;  // a pipe's capacity

std::vector<std::string> argv_of(const Config& config) {
  const std::string& command = config.string("command");
  const std::string& shell = config.string("shell");
  if (shell.empty()) return split_words(command);
  std::vector<std::string> argv = split_words(shell);
  argv.push_back(command);
  return argv;
}

class ExecSource final : public Source {
 public:
  ExecSource(const ComponentContext& context, const Config& config, EventReceiver& receiver)
      : name_(context.name),
        argv_(argv_of(config)),
        restarts_(config.boolean("restart")),
        restart_pause_(config.millis("restartThrottle")),
        error_output_(config.boolean("logStdErr") ? ChildStderr::kPipe : ChildStderr::kDiscard),
        clock_(*context.clock),
        batch_({.source_name = context.name,
                .events_max = config.count("batchSize"),
                .timeout_ns = config.millis("batchTimeout") * 1'000'000},
               receiver, counters_, stop_, clock_),
        lines_(config.bytes("maxLineLength")),
        error_lines_(kStderrLineBytesMax) {}
  ~ExecSource() override { stop(); }

  Result<void> start() override {
    TRY_ASSIGN(ChildProcess child, ChildProcess::start(argv_, error_output_));
    child_.emplace(std::move(child));
    thread_ = std::thread([this] { run(); });
    return {};
  }

  void stop() override {
    stop_.set();
    if (thread_.joinable()) thread_.join();
  }

  void collect(MetricSink& sink) const override {
    sink.counter("exec_restarts_total", "Times the command was started again.",
                 restart_count_.value());
    sink.counter("exec_dropped_lines_total",
                 "Lines no channel would take: too large, or still refused at the stop.",
                 batch_.dropped_count());
  }

 private:
  void run() {
    while (true) {
      if (child_) {
        follow(*child_);
        log_end(*child_);
        child_.reset();
      }
      if (stop_.is_set() || !restarts_ || stop_.wait_for(restart_pause_)) return;
      auto child = ChildProcess::start(argv_, error_output_);
      if (child.has_value()) {
        child_.emplace(std::move(child.value()));
        restart_count_.add();
      } else {
        log_error("exec.start_failed", "command cannot be started; will try again",
                  {{"source", name_}, {"command", argv_.front()}, {"error", child.error()}});
      }
    }
  }

  // Reads until the command has ended, or has been made to.
  void follow(ChildProcess& child) {
    const auto add_line = [this](std::string_view line) { batch_.add(line); };
    const auto log_line = [this](std::string_view line) {
      log_info("exec.stderr", "command wrote to standard error",
               {{"source", name_}, {"line", line}});
    };
    std::optional<std::uint64_t> kill_at_ns;
    while (child.output().is_open() || !child.try_reap()) {
      wait_for_input(child, kill_at_ns);
      if (!kill_at_ns && stop_.is_set()) {
        child.signal_group(SIGTERM);
        kill_at_ns = clock_.monotonic_ns() + nanoseconds_of(kTerminateGrace);
      } else if (kill_at_ns && clock_.monotonic_ns() >= *kill_at_ns) {
        break;  // destroying the child kills what is left
      }
      read_available(child.error_output(), error_lines_, log_line);
      read_available(child.output(), lines_, add_line);
      if (clock_.monotonic_ns() >= batch_.due_at_ns().value_or(UINT64_MAX)) batch_.flush();
    }
    read_available(child.error_output(), error_lines_, log_line);
    error_lines_.finish(log_line);
    lines_.finish(add_line);  // an unterminated last line is a line
    batch_.flush();
  }

  void wait_for_input(ChildProcess& child, const std::optional<std::uint64_t>& kill_at_ns) const {
    // An ended stream stays readable and a set event too: both would make poll() spin.
    std::array<::pollfd, 3> inputs{
        ::pollfd{.fd = child.output().get(), .events = POLLIN, .revents = 0},
        ::pollfd{.fd = child.error_output().get(), .events = POLLIN, .revents = 0},
        ::pollfd{.fd = kill_at_ns ? -1 : stop_.descriptor(), .events = POLLIN, .revents = 0}};
    std::uint64_t wait_ns = UINT64_MAX;
    const std::uint64_t now = clock_.monotonic_ns();
    const auto wait_until = [&](std::uint64_t at_ns) {
      wait_ns = std::min(wait_ns, at_ns > now ? at_ns - now : 0);
    };
    if (const auto due = batch_.due_at_ns()) wait_until(*due);
    if (kill_at_ns) wait_until(*kill_at_ns);
    // Only its exit is left to wait for; a waiting thread costs less than a signal handler.
    if (!child.output().is_open()) wait_until(now + nanoseconds_of(milliseconds(10)));
    const int timeout_ms =
        wait_ns == UINT64_MAX
            ? -1
            : static_cast<int>(std::min<std::uint64_t>((wait_ns + 999'999) / 1'000'000, 60'000));
    ::poll(inputs.data(), inputs.size(), timeout_ms);
  }

  // Reads one piece, so that the two streams and the stop take turns; closes at the end.
  template <class Visit>
  void read_available(io::OwnedFd& fd, LineSplitter& lines, Visit visit) {
    if (!fd.is_open()) return;
    const ssize_t count = ::read(fd.get(), piece_.data(), piece_.size());
    if (count > 0) {
      lines.feed(std::string_view(piece_.data(), static_cast<std::size_t>(count)), visit);
    } else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
      fd.reset();
      if (count < 0) counters_.read_failures.add();
    }
  }

  void log_end(ChildProcess& child) {
    // Killed by us, or ended by itself.
    const std::string outcome = child.try_reap() ? child.outcome() : "killed";
    log_info("exec.ended", "command has ended",
             {{"source", name_}, {"command", argv_.front()}, {"outcome", outcome}});
  }

  static constexpr std::uint64_t nanoseconds_of(milliseconds duration) {
    return static_cast<std::uint64_t>(duration.count()) * 1'000'000;
  }

  const std::string name_;
  const std::vector<std::string> argv_;
  const bool restarts_;
  const milliseconds restart_pause_;
  const ChildStderr error_output_;
  const Clock& clock_;

  WakeEvent stop_;
  std::thread thread_;
  Counter restart_count_;

  // Owned by thread_ while it runs.
  std::optional<ChildProcess> child_;
  RetryingBatch batch_;
  LineSplitter lines_;
  LineSplitter error_lines_;
  std::array<char, kReadBytes> piece_{};
};

std::size_t batch_size(const Config& config) {
  return config.count("batchSize");
}

Result<std::unique_ptr<Source>> create(const ComponentContext& context, const Config& config,
                                       EventReceiver& receiver) {
  if (argv_of(config).empty() || argv_of(config).front().empty()) {
    return Error{.code = Errc::kBadConfig, .what = "command must not be blank"};
  }
  return std::unique_ptr<Source>(std::make_unique<ExecSource>(context, config, receiver));
}

}  // namespace

const SourceType kExecSource{.name = "exec",
                             .java_class = "org.apache.flume.source.ExecSource",
                             .help = "Runs a command and reads lines from its output.",
                             .options = kOptions,
                             .batch_size = batch_size,
                             .create = create};

}  // namespace spillway::agent
