// From names of a source's channels to their indices.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

#include "wal/base/check.h"

namespace spillway::agent {

/// `names` have been checked: all are among `channels`, none twice.
inline std::vector<std::size_t> indices_of(const std::vector<std::string>& names,
                                           const std::vector<std::string>& channels) {
  std::vector<std::size_t> indices;
  for (const std::string& name : names) {
    const auto at = std::find(channels.begin(), channels.end(), name);
    CHECK(at != channels.end());
    indices.push_back(static_cast<std::size_t>(at - channels.begin()));
  }
  return indices;
}

inline bool contains(const std::vector<std::size_t>& indices, std::size_t index) {
  return std::find(indices.begin(), indices.end(), index) != indices.end();
}

}  // namespace spillway::agent
