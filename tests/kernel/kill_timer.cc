#include "tests/kernel/kill_timer.h"

#include <csignal>
#include <ctime>

#include "wal/base/check.h"

namespace spillway::test {

void kill_in(std::uint64_t nanoseconds) {
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = SIGKILL;
  timer_t timer{};
  CHECK(::timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
  itimerspec when{};
  when.it_value.tv_nsec = static_cast<std::int64_t>(nanoseconds);
  CHECK(::timer_settime(timer, 0, &when, nullptr) == 0);
}

}  // namespace spillway::test
