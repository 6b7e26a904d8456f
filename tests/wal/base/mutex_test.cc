// Mutex excludes, MutexLock releases on every path, CondVar wakes and tells a time-out from a wake.
#include "wal/base/mutex.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace spillway {
namespace {

struct Guarded {
  Mutex mutex;
  CondVar changed;
  int value GUARDED_BY(mutex) = 0;
};

bool is_free(Mutex& mutex) {
  // Another thread asks: try_lock by the holder itself is undefined.
  bool is_locked = false;
  std::jthread([&] {
    if (mutex.try_lock()) {
      mutex.unlock();
    } else {
      is_locked = true;
    }
  }).join();
  return !is_locked;
}

TEST(MutexTest, ExcludesOtherThreads) {
  Guarded guarded;
  std::vector<std::jthread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) {
        const MutexLock lock(guarded.mutex);
        ++guarded.value;
      }
    });
  }
  threads.clear();
  const MutexLock lock(guarded.mutex);
  EXPECT_EQ(guarded.value, 40'000);
}

TEST(MutexLockTest, HoldsUntilItsEndExceptBetweenUnlockAndLock) {
  Mutex mutex;
  {
    MutexLock lock(mutex);
    EXPECT_FALSE(is_free(mutex));
    lock.unlock();
    EXPECT_TRUE(is_free(mutex));
    lock.lock();
    EXPECT_FALSE(is_free(mutex));
  }
  EXPECT_TRUE(is_free(mutex));
  {
    MutexLock lock(mutex);
    lock.unlock();
  }
  EXPECT_TRUE(is_free(mutex)) << "a lock that was given back is not given back twice";
}

TEST(CondVarTest, WaitSeesWhatTheNotifierWrote) {
  Guarded guarded;
  const std::jthread writer([&] {
    const MutexLock lock(guarded.mutex);
    guarded.value = 5;
    guarded.changed.notify_one();
  });
  MutexLock lock(guarded.mutex);
  while (guarded.value == 0) guarded.changed.wait(lock);
  EXPECT_EQ(guarded.value, 5);
}

TEST(CondVarTest, WaitForReturnsFalseOnlyAfterItsTime) {
  Guarded guarded;
  const auto start = std::chrono::steady_clock::now();
  const auto limit = std::chrono::milliseconds(5);
  MutexLock lock(guarded.mutex);
  while (guarded.changed.wait_for(lock, limit)) {
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, limit);
}

TEST(CondVarTest, NotifyAllWakesEveryWaiter) {
  Guarded guarded;
  std::vector<std::jthread> waiters;
  for (int i = 0; i < 4; ++i) {
    waiters.emplace_back([&] {
      MutexLock lock(guarded.mutex);
      ++guarded.value;
      guarded.changed.notify_all();
      while (guarded.value < 5) guarded.changed.wait(lock);
    });
  }
  MutexLock lock(guarded.mutex);
  while (guarded.value < 4) guarded.changed.wait(lock);
  guarded.value = 5;
  guarded.changed.notify_all();
  lock.unlock();
  waiters.clear();  // joins: hangs if one was not woken
}

}  // namespace
}  // namespace spillway
