// StreamBuffer: the bytes of a stream that a decoder has not used up yet.
//
// A piece is borrowed while it is decoded and only its rest is copied, so that whole records are
// never moved and an idle connection holds no memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "wal/base/check.h"

namespace spillway::agent {

/// Not thread-safe. feed() borrows `piece` until settle().
class StreamBuffer {
 public:
  void feed(std::string_view piece) {
    if (view_.empty()) {
      rest_.clear();
      view_ = piece;
      is_borrowed_ = true;
      return;
    }
    settle();
    rest_ += piece;
    view_ = rest_;
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
