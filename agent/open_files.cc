#include "agent/open_files.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "wal/base/check.h"
#include "wal/base/log.h"

namespace spillway::agent {
namespace {

// Programs of exec sources inherit the limit, and some close every number below it at their start.
constexpr std::uint64_t kReasonableMax = 1U << 20U;

// Channels, files of sources and sinks, the status port.
constexpr std::uint64_t kOtherFiles = 200;

::rlimit limits() {
  ::rlimit limit{};
  CHECK(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
  return limit;
}

std::uint64_t reachable(const ::rlimit& limit) {
  const std::uint64_t hard = limit.rlim_max == RLIM_INFINITY ? UINT64_MAX : limit.rlim_max;
  return std::max<std::uint64_t>(limit.rlim_cur, std::min(hard, kReasonableMax));
}

}  // namespace

std::uint64_t open_files_max() {
  return reachable(limits());
}

std::uint64_t raise_open_files() {
  const ::rlimit before = limits();
  const std::uint64_t wanted = reachable(before);
  ::rlimit after = before;
  after.rlim_cur = wanted;
  const bool is_raised = wanted > before.rlim_cur && ::setrlimit(RLIMIT_NOFILE, &after) == 0;
  const std::uint64_t limit = is_raised ? wanted : before.rlim_cur;
  log_info("agent.open_files", "how many files and connections this process may have open",
           {{"limit", limit}, {"before", before.rlim_cur}});
  return limit;
}

std::optional<std::string> too_few_open_files(const AgentConfig& agent, std::uint64_t limit) {
  std::uint64_t connections = 0;
  for (const SourceConfig& source : agent.sources) {
    const bool is_server =
        source.type != nullptr && find_option(source.type->options, "maxConnections") != nullptr;
    if (is_server) connections += source.config.count("maxConnections");
  }
  if (connections == 0 || connections + kOtherFiles <= limit) return std::nullopt;
  return fmt::format(
      "the sources accept {} connections together and this process may open {} files: raise the "
      "limit (LimitNOFILE=, ulimit -Hn) or lower maxConnections",
      connections, limit);
}

}  // namespace spillway::agent
