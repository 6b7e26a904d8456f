#include "agent/selectors/replicating_selector.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::agent {

ReplicatingSelector::ReplicatingSelector(Route route) : route_(std::move(route)) {
  for (const std::size_t index : route_.optional) {
    CHECK(std::find(route_.required.begin(), route_.required.end(), index) ==
          route_.required.end());
  }
}

}  // namespace spillway::agent
