// When each commit of a lone producer began and ended, and which of them something else disturbed.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bench/goal.h"

namespace spillway::bench {

struct Span {
  std::uint64_t begin_ns = 0;
  std::uint64_t end_ns = 0;
};

/// Commits of one event, one after the other, while `goes_on` says so: it is asked before each.
Result<std::vector<Span>> commit_while(const GoalSite& site, channel::FileChannel& channel,
                                       const std::function<bool()>& goes_on);

/// The longest commit that overlaps one of `others`, in ns; 0 when none does. Both are sorted and
/// do not overlap among themselves.
std::uint64_t longest_beside(const std::vector<Span>& commits, const std::vector<Span>& others);

}  // namespace spillway::bench
