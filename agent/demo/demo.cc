#include "agent/demo/demo.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "agent/cli.h"
#include "agent/demo/agent_process.h"
#include "agent/demo/delivery_ledger.h"
#include "agent/demo/line_stream.h"
#include "wal/base/clock.h"
#include "wal/base/random.h"

namespace spillway::agent {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

constexpr std::uint64_t kLinesPerSecond = 5000;
constexpr std::uint64_t kStreamMillis = 14'000;
constexpr std::uint64_t kRotateMillis = 3'000;
constexpr std::uint64_t kKillMillisMin = 4'000;
constexpr std::uint64_t kKillMillisRange = 6'000;
constexpr std::uint64_t kDrainMillisMax = 20'000;
constexpr milliseconds kTick{20};

// Host logs beyond this would make a demonstration of their own.
constexpr std::uint64_t kHostFileBytesMax = 8ULL << 20U;
constexpr std::size_t kHostFilesMax = 20;

// A port that was free a moment ago.
int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  int port = 41414;
  if (bind(fd, generic, size) == 0 && getsockname(fd, generic, &size) == 0) {
    port = ntohs(address.sin_port);
  }
  close(fd);
  return port;
}

std::vector<fs::path> host_logs() {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/var/log", error)) {
    const bool is_wanted = entry.is_regular_file(error) && entry.path().extension() == ".log" &&
                           entry.file_size(error) <= kHostFileBytesMax &&
                           access(entry.path().c_str(), R_OK) == 0;
    if (is_wanted && files.size() < kHostFilesMax) files.push_back(entry.path());
  }
  return files;
}

// A file name as a regular expression, and that as a properties value.
std::string quoted_name(const std::string& name) {
  std::string quoted;
  for (const char c : name) {
    if (std::string_view(R"(\.[]{}()*+?^$|)").find(c) != std::string_view::npos) quoted += R"(\\)";
    quoted += c;
  }
  return quoted;
}

void write_configuration(const fs::path& work, const std::vector<fs::path>& logs) {
  std::ofstream out(work / "demo.conf");
  out << "demo.sources = logs\ndemo.channels = disk\ndemo.sinks = files\n\n"
      << "demo.sources.logs.type = taildir\ndemo.sources.logs.channels = disk\n"
      << fmt::format("demo.sources.logs.positionFile = {}/positions.json\n", work.string())
      << "demo.sources.logs.fileHeader = true\ndemo.sources.logs.batchSize = 500\n"
      << "demo.sources.logs.writePosInterval = 500\n";
  std::string groups = "app";
  out << fmt::format("demo.sources.logs.filegroups.app = {}/input/app\\\\.log.*\n", work.string());
  for (std::size_t i = 0; i < logs.size(); ++i) {
    groups += fmt::format(" host{}", i);
    out << fmt::format("demo.sources.logs.filegroups.host{} = {}/{}\n", i,
                       logs[i].parent_path().string(), quoted_name(logs[i].filename().string()));
  }
  out << fmt::format("demo.sources.logs.filegroups = {}\n\n", groups)
      << "demo.channels.disk.type = file\n"
      << fmt::format("demo.channels.disk.checkpointDir = {}/checkpoint\n", work.string())
      << fmt::format("demo.channels.disk.dataDirs = {}/data\n\n", work.string())
      << "demo.sinks.files.type = file_roll\ndemo.sinks.files.channel = disk\n"
      << fmt::format("demo.sinks.files.sink.directory = {}/output\n", work.string())
      << "demo.sinks.files.sink.rollInterval = 0\n"
      << "demo.sinks.files.sink.serializer = HEADER_AND_TEXT\n";
}

class Demo {
 public:
  Demo(fs::path work, std::uint64_t seed)
      : work_(std::move(work)),
        stream_(work_ / "input"),
        ledger_(work_ / "output"),
        random_(seed) {}

  int run() {
    const std::vector<fs::path> logs = host_logs();
    for (const fs::path& file : logs) ledger_.expect_lines_of(file);
    write_configuration(work_, logs);
    fmt::print(
        "spillway: {} host log files and {} generated lines/s -> taildir -> file channel -> "
        "file_roll\nwork directory {}, agent log {}/agent.log\nstatus {}\n\n",
        logs.size(), kLinesPerSecond, work_.string(), work_.string(), status_url());
    if (!start_agent()) return kExitFailed;
    stream_and_kill();
    drain();
    progress(true);
    const int exit_code = agent_.stop();
    ledger_.read_output();
    return report(exit_code);
  }

 private:
  [[nodiscard]] std::string status_url() const {
    return fmt::format("http://127.0.0.1:{}/metrics", port_);
  }

  bool start_agent() {
    const auto started = agent_.start(work_ / "demo.conf", work_ / "agent.log", port_);
    if (started.has_value()) return true;
    fmt::print(stderr, "spillway demo: {}\n", to_string(started.error()));
    return false;
  }

  void stream_and_kill() {
    const std::uint64_t kill_at = kKillMillisMin + random_() % kKillMillisRange;
    bool is_killed = false;
    std::uint64_t rotate_at = kRotateMillis;
    for (std::uint64_t now = 0; now < kStreamMillis; now = elapsed_ms()) {
      stream_.write_until(now * kLinesPerSecond / 1000);
      if (now >= rotate_at) {
        stream_.rotate();
        rotate_at += kRotateMillis;
      }
      if (!is_killed && now >= kill_at) {
        agent_.kill();
        is_killed = true;
        ledger_.read_output();
        note(fmt::format(
            "SIGKILL after {:.1f} s with {} lines written and {} delivered; starting "
            "the agent again",
            static_cast<double>(now) / 1000, stream_.written(), ledger_.generated_delivered()));
        if (!start_agent()) return;
      }
      progress(false);
      std::this_thread::sleep_for(kTick);
    }
  }

  void drain() {
    const std::uint64_t deadline = elapsed_ms() + kDrainMillisMax;
    while (elapsed_ms() < deadline && agent_.is_running()) {
      ledger_.read_output();
      if (ledger_.generated(stream_.written()).lost() == 0 && ledger_.host().lost() == 0) return;
      progress(false);
      std::this_thread::sleep_for(kTick);
    }
  }

  // One line that rewrites itself on a terminal, one line every two seconds elsewhere.
  void progress(bool is_last) {
    const std::uint64_t now = elapsed_ms();
    const std::uint64_t interval = is_terminal_ ? 200 : 2000;
    if (!is_last && now < next_progress_ms_) return;
    next_progress_ms_ = now + interval;
    ledger_.read_output();
    fmt::print("{}{:5.1f} s  written {:>7}  delivered {:>7}{}", is_terminal_ ? "\r" : "",
               static_cast<double>(now) / 1000, stream_.written(), ledger_.generated_delivered(),
               is_terminal_ && !is_last ? "" : "\n");
    static_cast<void>(std::fflush(stdout));
  }

  void note(const std::string& text) const {
    fmt::print("{}{}\n", is_terminal_ ? "\n" : "", text);
    static_cast<void>(std::fflush(stdout));
  }

  int report(int exit_code) {
    const LedgerCounts generated = ledger_.generated(stream_.written());
    const LedgerCounts host = ledger_.host();
    const auto print = [](const char* what, const LedgerCounts& counts) {
      fmt::print("{:<10} sent {:>8}  delivered {:>8}  duplicated {:>6}  lost {}\n", what,
                 counts.sent, counts.delivered, counts.duplicated, counts.lost());
    };
    fmt::print("\n");
    print("generated", generated);
    print("host logs", host);
    fmt::print(
        "\nDuplicates are lines that were in flight at the kill: at-least-once delivery.\n"
        "The agent stopped with exit code {}. Its status page was {}\n"
        "(also /metrics/prometheus, /healthz, /readyz); look into {} with `spillway recover`.\n",
        exit_code, status_url(), (work_ / "checkpoint").string());
    const bool is_fine = generated.lost() == 0 && host.lost() == 0 && exit_code == kExitFine;
    return is_fine ? kExitFine : kExitFailed;
  }

  [[nodiscard]] std::uint64_t elapsed_ms() const {
    return (clock_.monotonic_ns() - started_ns_) / 1'000'000;
  }

  const fs::path work_;
  const SystemClock clock_;
  const std::uint64_t started_ns_ = clock_.monotonic_ns();
  const int port_ = free_port();
  const bool is_terminal_ = isatty(STDOUT_FILENO) == 1;
  LineStream stream_;
  DeliveryLedger ledger_;
  AgentProcess agent_;
  Random random_;
  std::uint64_t next_progress_ms_ = 0;
};

}  // namespace

int demo_main(int argc, char** /*argv*/) {
  if (argc > 1) {
    fmt::print(stderr, "usage: spillway demo\n");
    return kExitBadUsage;
  }
  std::string pattern = (fs::temp_directory_path() / "spillway-demo-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    fmt::print(stderr, "spillway demo: cannot make a directory like {}\n", pattern);
    return kExitFailed;
  }
  const fs::path work = pattern;
  std::error_code error;
  fs::create_directories(work / "input", error);
  if (!error) fs::create_directories(work / "output", error);
  if (error) {
    fmt::print(stderr, "spillway demo: cannot make {}: {}\n", pattern, error.message());
    return kExitFailed;
  }
  return Demo(work, SystemClock().monotonic_ns()).run();
}

}  // namespace spillway::agent
