#include "agent/sources/rfc_frames.h"

#include <algorithm>

namespace spillway::agent {
namespace {

constexpr std::size_t kCountDigitsMax = 10;

// Some senders end messages with CR LF or NUL; neither belongs to the message.
std::string_view without_end(std::string_view message) {
  while (!message.empty() &&
         (message.back() == '\r' || message.back() == '\n' || message.back() == '\0')) {
    message.remove_suffix(1);
  }
  return message;
}

struct Count {
  enum class Kind : std::uint8_t { kNone, kNeedMore, kCount };
  Kind kind = Kind::kNone;
  std::size_t prefix_bytes = 0;  // digits and the space
  std::uint64_t value = 0;
};

Count count_before(std::string_view input) {
  using Kind = Count::Kind;
  if (input.front() < '1' || input.front() > '9') return {};
  Count count{.kind = Kind::kCount};
  std::size_t at = 0;
  for (; at < input.size() && input[at] >= '0' && input[at] <= '9'; ++at) {
    if (at == kCountDigitsMax) return {};
    count.value = count.value * 10 + static_cast<std::uint64_t>(input[at] - '0');
  }
  if (at < input.size() && input[at] != ' ') return {};
  if (at + 1 >= input.size()) return {.kind = Kind::kNeedMore};
  if (input[at + 1] != '<') return {};
  count.prefix_bytes = at + 1;
  return count;
}

}  // namespace

RfcFrames::Frame RfcFrames::next(std::string_view input) {
  if (discards_line_ || discard_bytes_ > 0) return discard(input);
  const std::size_t blank =
      std::min(input.find_first_not_of(std::string_view("\n\r\0", 3)), input.size());
  if (blank > 0) {
    scanned_ = 0;
    return {.used_bytes = blank};
  }
  if (input.empty()) return {};
  const Count count = count_before(input);
  switch (count.kind) {
    case Count::Kind::kNeedMore:
      return {};
    case Count::Kind::kCount:
      return next_counted(input, count.prefix_bytes, count.value);
    case Count::Kind::kNone:
      break;
  }
  return next_line(input);
}

RfcFrames::Frame RfcFrames::discard(std::string_view input) {
  if (discards_line_) {
    const std::size_t newline = input.find('\n');
    if (newline == std::string_view::npos) return {.used_bytes = input.size()};
    discards_line_ = false;
    return {.used_bytes = newline + 1};
  }
  const std::size_t used = std::min<std::uint64_t>(discard_bytes_, input.size());
  discard_bytes_ -= used;
  return {.used_bytes = used};
}

RfcFrames::Frame RfcFrames::next_counted(std::string_view input, std::size_t prefix_bytes,
                                         std::uint64_t count) {
  const std::size_t kept = std::min<std::uint64_t>(count, message_bytes_max_);
  if (input.size() < prefix_bytes + kept) return {};
  discard_bytes_ = count - kept;
  const std::string_view message = input.substr(prefix_bytes, kept);
  return {.message = kept < count ? message : without_end(message),
          .used_bytes = prefix_bytes + kept,
          .is_cut = kept < count,
          .has_message = true};
}

RfcFrames::Frame RfcFrames::next_line(std::string_view input) {
  const std::string_view within = input.substr(0, message_bytes_max_ + 1);
  const std::size_t newline = within.find('\n', std::min(scanned_, within.size()));
  scanned_ = 0;
  if (newline != std::string_view::npos) {
    return {.message = without_end(input.substr(0, newline)),
            .used_bytes = newline + 1,
            .has_message = true};
  }
  if (input.size() <= message_bytes_max_) {
    scanned_ = input.size();
    return {};
  }
  discards_line_ = true;
  return {.message = input.substr(0, message_bytes_max_),
          .used_bytes = message_bytes_max_,
          .is_cut = true,
          .has_message = true};
}

RfcFrames::Frame RfcFrames::finish(std::string_view input) {
  const std::string_view rest = without_end(input);
  if (rest.empty() || discards_line_ || discard_bytes_ > 0) return {.used_bytes = input.size()};
  const Count count = count_before(rest);
  const bool is_counted = count.kind == Count::Kind::kCount;
  return {.message = rest.substr(count.prefix_bytes),
          .used_bytes = input.size(),
          .is_cut = is_counted,
          .has_message = true};
}

}  // namespace spillway::agent
