#include "bench/killed_child.h"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <string>

#include "wal/base/check.h"

namespace spillway::bench {
namespace {

// In memory that parent and child share.
struct Report {
  bool has_finished = false;
  bool has_failed = false;
  Errc code = Errc::kIo;
  int os_error = 0;
  const char* what = "";  // a literal of the program: at the same address in both processes
  std::size_t count = 0;
  std::array<double, kChildNumbersMax> numbers{};
};

void run_child(const KilledWork& work, std::unique_ptr<BenchChannel>& kept, Report& report) {
  const auto outcome = work(kept);
  report.has_failed = !outcome.has_value();
  if (outcome.has_value()) {
    CHECK(outcome.value().size() <= kChildNumbersMax);
    report.count = outcome.value().size();
    std::copy(outcome.value().begin(), outcome.value().end(), report.numbers.begin());
  } else {
    report.code = outcome.error().code;
    report.os_error = outcome.error().os_error;
    report.what = outcome.error().what;
  }
  report.has_finished = true;
}

Result<std::vector<double>> result_of(const Report& report, int status) {
  if (!report.has_finished || !WIFSIGNALED(status)) {
    return Error{.code = Errc::kUnavailable, .what = "the child process did not do its work"};
  }
  if (report.has_failed) {
    return Error{.code = report.code, .os_error = report.os_error, .what = report.what};
  }
  const auto* const first = report.numbers.begin();
  return std::vector<double>(first, first + report.count);
}

}  // namespace

Result<std::vector<double>> run_and_kill(const KilledWork& work) {
  void* const memory =
      mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return Error{.code = Errc::kIo, .os_error = errno, .what = "cannot share memory"};
  }
  auto* const report = ::new (memory) Report;
  const pid_t child = fork();
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nor does it outlive a benchmark that is interrupted
    std::unique_ptr<BenchChannel> kept;
    run_child(work, kept, *report);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  Result<std::vector<double>> result =
      Error{.code = Errc::kUnavailable, .os_error = errno, .what = "cannot start a child process"};
  if (child > 0) {
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    result = result_of(*report, status);
  }
  munmap(memory, sizeof(Report));
  return result;
}

double resident_bytes() {
  // statm is off by up to some hundred pages per processor; this walks the pages.
  std::ifstream rollup("/proc/self/smaps_rollup");
  std::string word;
  double kilobytes = 0;
  while (rollup >> word) {
    if (word == "Rss:" && rollup >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

}  // namespace spillway::bench
