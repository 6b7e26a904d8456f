#include "agent/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>

namespace spillway::agent {
namespace {

double seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
}

// Number of entries, or -1 when the directory cannot be read.
int count_entries(const char* directory) {
  std::error_code error;
  std::filesystem::directory_iterator at(directory, error);
  int count = 0;
  for (; !error && at != std::filesystem::directory_iterator(); at.increment(error)) ++count;
  return error ? -1 : count;
}

}  // namespace

void collect_process(MetricFamilies& families) {
  rusage usage{};
  if (getrusage(RUSAGE_SELF, &usage) == 0) {
    families.add_seconds_counter("process_cpu_seconds_total", "Processor time, user and kernel.",
                                 {}, seconds(usage.ru_utime) + seconds(usage.ru_stime));
  }
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (statm >> total_pages >> resident_pages) {
    const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
    families.add_gauge("process_resident_memory_bytes", "Memory in use.", {},
                       static_cast<double>(resident_pages) * page_bytes);
    families.add_gauge("process_virtual_memory_bytes", "Address space in use.", {},
                       static_cast<double>(total_pages) * page_bytes);
  }
  const int open_fds = count_entries("/proc/self/fd");
  if (open_fds >= 0) {
    families.add_gauge("process_open_fds", "Open file descriptors.", {}, open_fds);
  }
  const int threads = count_entries("/proc/self/task");
  if (threads >= 0) families.add_gauge("process_threads", "Threads.", {}, threads);
}

}  // namespace spillway::agent
