#include "agent/sources/syslog_event.h"

#include <charconv>

namespace spillway::agent {

std::string_view SyslogEvent::digits(std::int64_t number, std::array<char, 24>& to) {
  const auto end = std::to_chars(to.data(), to.data() + to.size(), number).ptr;
  return {to.data(), static_cast<std::size_t>(end - to.data())};
}

}  // namespace spillway::agent
