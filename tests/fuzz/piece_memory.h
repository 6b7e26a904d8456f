// PieceMemory: a piece of a stream in memory of its own, with a little room before it, as a server
// reads it. Whoever looks at it once it has died, or beyond it, is caught by AddressSanitizer.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "agent/net/stream_buffer.h"

namespace spillway::agent {

class PieceMemory {
 public:
  explicit PieceMemory(std::string_view piece) : bytes_(kRoom) {
    bytes_.insert(bytes_.end(), piece.begin(), piece.end());
    bytes_.shrink_to_fit();
  }

  [[nodiscard]] std::size_t size() const { return bytes_.size() - kRoom; }
  [[nodiscard]] StreamPiece read() { return {bytes_.data() + kRoom, size(), kRoom}; }

 private:
  static constexpr std::size_t kRoom = 5;

  std::vector<char> bytes_;
};

}  // namespace spillway::agent
