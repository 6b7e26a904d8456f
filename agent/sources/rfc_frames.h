// RfcFrames: a stream of syslog messages cut as RFC 6587 says, octet-counted or by lines.
//
// Which of the two is seen at each message: a count is followed by a space and "<". What exceeds
// the limit is cut off and thrown away, so that its end does not become another message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spillway::agent {

/// One per connection. Not thread-safe.
class RfcFrames {
 public:
  explicit RfcFrames(std::size_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

  struct Frame {
    std::string_view message = {};
    std::size_t used_bytes = 0;  // to consume, whether there is a message or not
    bool is_cut = false;
    bool has_message = false;
  };
  /// `input` begins where the last frame's used bytes ended.
  Frame next(std::string_view input);

  /// The unterminated rest of a stream that has ended.
  Frame finish(std::string_view input);

 private:
  Frame discard(std::string_view input);
  Frame next_counted(std::string_view input, std::size_t prefix_bytes, std::uint64_t count);
  Frame next_line(std::string_view input);

  const std::size_t message_bytes_max_;
  std::uint64_t discard_bytes_ = 0;  // of a counted message
  bool discards_line_ = false;
  std::size_t scanned_ = 0;  // no newline in that much of the input
};

}  // namespace spillway::agent
