#include "agent/sources/syslog_event.h"

#include <charconv>

namespace spillway::agent {

std::string_view SyslogEvent::Digits::of(std::int64_t number) {
  if (number != number_) {
    number_ = number;
    const auto end = std::to_chars(text_.data(), text_.data() + text_.size(), number).ptr;
    count_ = static_cast<std::size_t>(end - text_.data());
  }
  return {text_.data(), count_};
}

}  // namespace spillway::agent
