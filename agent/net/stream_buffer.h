// StreamBuffer: the bytes of a stream that a decoder has not used up yet.
//
// A piece is borrowed while it is decoded and only its rest is copied, in front of the next piece
// if there is room. So whole records are never moved and an idle connection holds no memory.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "wal/base/check.h"

namespace spillway::agent {

/// Bytes that have just been read, and how many before them may be written to.
struct StreamPiece {
  StreamPiece(std::string_view read) : bytes(read) {}  // NOLINT(google-explicit-constructor)
  StreamPiece(char* read, std::size_t count, std::size_t room_before)
      : bytes(read, count), front(read), room(room_before) {}

  std::string_view bytes;
  char* front = nullptr;  // of `bytes`, when there is room before them
  std::size_t room = 0;
};

/// Not thread-safe. feed() borrows `piece` until settle().
class StreamBuffer {
 public:
  void feed(const StreamPiece& piece) {
    if (!view_.empty()) settle();
    if (view_.size() > piece.room) {
      rest_ += piece.bytes;
      view_ = rest_;
      return;
    }
    const std::size_t rest_bytes = view_.size();
    if (rest_bytes > 0) std::copy_n(view_.data(), rest_bytes, piece.front - rest_bytes);
    view_ = rest_bytes == 0
                ? piece.bytes
                : std::string_view(piece.front - rest_bytes, rest_bytes + piece.bytes.size());
    rest_.clear();
    is_borrowed_ = true;
  }

  [[nodiscard]] std::string_view view() const { return view_; }

  void consume(std::size_t count) {
    CHECK(count <= view_.size());
    view_.remove_prefix(count);
  }

  /// Keeps what is left; the fed piece may go away afterwards.
  void settle() {
    if (view_.empty()) {
      if (rest_.capacity() > kKeptBytes) rest_ = std::string();
      rest_.clear();
    } else if (is_borrowed_) {
      if (rest_.capacity() / 4 > view_.size() + kKeptBytes) rest_ = std::string();
      rest_.assign(view_);
    } else {
      rest_.erase(0, rest_.size() - view_.size());
    }
    is_borrowed_ = false;
    view_ = rest_;
  }

 private:
  static constexpr std::size_t kKeptBytes = 256;

  std::string rest_;
  std::string_view view_;  // the end of rest_, or of the fed piece
  bool is_borrowed_ = false;
};

}  // namespace spillway::agent
