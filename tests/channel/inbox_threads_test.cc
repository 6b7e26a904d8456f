// The inbox and the doorbell under real threads: every producer's order is kept, nothing is missed
// by a consumer that sleeps now and then. All interleavings of small cases: inbox_test.cc.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "channel/doorbell.h"
#include "channel/inbox.h"

namespace spillway::channel {
namespace {

struct Number {
  std::uint64_t value = 0;
  Number* next = nullptr;
};

TEST(InboxThreadsTest, ManyProducersKeepTheirOrdersAndSleepingConsumersMissNothing) {
  constexpr std::uint64_t kProducers = 3;
  constexpr std::uint64_t kEach = 50'000;
  std::vector<Number> numbers(kProducers * kEach);
  for (std::uint64_t i = 0; i < numbers.size(); ++i) numbers[i].value = i;
  Inbox<Number> inbox;
  Doorbell<> bell;
  std::vector<std::thread> producers;
  for (std::uint64_t id = 0; id < kProducers; ++id) {
    producers.emplace_back([&, id] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        inbox.push(&numbers[id * kEach + i]);
        bell.ring();
        if (i % 64 == 0) std::this_thread::yield();  // lets the consumer fall asleep now and then
      }
    });
  }
  std::vector<std::uint64_t> taken;
  while (taken.size() < kProducers * kEach) {
    Number* next = inbox.take_all();
    const bool has_some = next != nullptr;
    for (; next != nullptr; next = next->next) taken.push_back(next->value);
    if (has_some) continue;
    const std::uint32_t prepared = bell.prepare();
    if (inbox.is_empty()) bell.sleep(prepared, std::chrono::seconds(30));
  }
  for (std::thread& producer : producers) producer.join();
  std::vector<std::uint64_t> next(kProducers, 0);
  for (const std::uint64_t value : taken) {
    ASSERT_EQ(value % kEach, next.at(value / kEach)++);
  }
}

}  // namespace
}  // namespace spillway::channel
