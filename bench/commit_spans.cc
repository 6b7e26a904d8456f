#include "bench/commit_spans.h"

#include <algorithm>
#include <string>

#include "channel/event_batch.h"

namespace spillway::bench {

Result<std::vector<Span>> commit_while(const GoalSite& site, channel::FileChannel& channel,
                                       const std::function<bool()>& goes_on) {
  channel::EventBatch batch;
  batch.add(std::string(site.options.event_bytes, 'x'));
  std::vector<Span> commits;
  while (goes_on()) {
    const std::uint64_t before = site.clock.monotonic_ns();
    TRY(channel.put(batch));
    commits.push_back({.begin_ns = before, .end_ns = site.clock.monotonic_ns()});
  }
  return commits;
}

std::uint64_t longest_beside(const std::vector<Span>& commits, const std::vector<Span>& others) {
  std::uint64_t longest = 0;
  std::size_t next = 0;
  for (const Span& commit : commits) {
    while (next < others.size() && others[next].end_ns < commit.begin_ns) ++next;
    if (next == others.size()) break;
    if (others[next].begin_ns > commit.end_ns) continue;
    longest = std::max(longest, commit.end_ns - commit.begin_ns);
  }
  return longest;
}

}  // namespace spillway::bench
