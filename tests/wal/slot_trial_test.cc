// The work of a quiet moment: it gets a spare slot that nobody else has, ends as soon as commits
// run, is tried again, and never outlives its cancellation.

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/support/eventually.h"
#include "tests/support/sim_disk.h"
#include "wal/slot_pool.h"

namespace spillway::wal {
namespace {

using test::eventually;

struct SlotTrialTest : testing::Test {
  SlotTrialTest() {
    options.slot_bytes = 64 * kKiB;
    options.spare_slots_min = 2;
    directory = std::move(disk.open_directory("data", io::FileSystem::Missing::kCreate).value());
    pool = std::make_unique<SlotPool>(std::vector<io::Directory*>{directory.get()}, options);
    EXPECT_TRUE(pool->open().has_value());
    pool->start({});
  }

  test::SimDisk disk;
  LogOptions options;
  std::unique_ptr<io::Directory> directory;
  std::unique_ptr<SlotPool> pool;
};

TEST_F(SlotTrialTest, GetsASlotThatNobodyElseHas) {
  std::atomic<int> runs{0};
  std::atomic<bool> is_seen{false};
  std::shared_ptr<io::File> other;
  pool->set_trial([&](io::File& file, const SlotPool::GoesOn& goes_on) {
    EXPECT_TRUE(goes_on());
    EXPECT_EQ(file.size_bytes().value(), options.slot_bytes);
    runs.fetch_add(1);
    while (!is_seen.load()) std::this_thread::yield();
    EXPECT_NE(&file, other.get());
    return true;
  });
  ASSERT_TRUE(eventually([&] { return runs.load() == 1; }));
  EXPECT_EQ(pool->stats().spare, 2U);
  auto slot = pool->acquire(SlotPool::Prewrite::kNo);
  ASSERT_TRUE(slot.has_value());
  other = slot.value().file;
  is_seen.store(true);
  ASSERT_TRUE(eventually([&] { return pool->stats().spare == 2; }));
  EXPECT_EQ(pool->stats().unprepared, 0U);
  pool->cancel_trial();
  EXPECT_EQ(runs.load(), 1) << "once it is done it is done";
}

TEST_F(SlotTrialTest, EndsWhenCommitsRunAndIsTriedAgain) {
  std::atomic<int> runs{0};
  pool->set_trial([&](io::File&, const SlotPool::GoesOn& goes_on) {
    if (runs.fetch_add(1) > 0) return true;
    pool->note_write();
    EXPECT_FALSE(goes_on());
    return false;
  });
  EXPECT_TRUE(eventually([&] { return runs.load() == 2; }));
}

TEST_F(SlotTrialTest, DoesNotBeginWhileCommitsRun) {
  using std::chrono::steady_clock;
  constexpr auto kPause = std::chrono::milliseconds(1);  // of commits; the pool waits for longer
  std::atomic<bool> is_over{false};
  std::atomic<bool> has_begun{false};
  std::atomic<bool> has_paused{false};  // a busy machine did not let the thread run
  std::atomic<steady_clock::rep> last{steady_clock::now().time_since_epoch().count()};
  const auto is_pausing = [&] {
    return steady_clock::now().time_since_epoch() - steady_clock::duration(last.load()) > kPause;
  };
  std::thread committer([&] {
    while (!is_over.load()) {
      pool->note_write();
      if (is_pausing()) has_paused.store(true);
      last.store(steady_clock::now().time_since_epoch().count());
    }
  });
  test::give_way();
  pool->set_trial([&](io::File&, const SlotPool::GoesOn&) {
    EXPECT_TRUE(is_over.load() || has_paused.load() || is_pausing());
    has_begun.store(true);
    return true;
  });
  test::give_way();
  is_over.store(true);
  committer.join();
  EXPECT_TRUE(eventually([&] { return has_begun.load(); }));
}

TEST_F(SlotTrialTest, CancellingWaitsForItsEnd) {
  std::atomic<bool> is_running{false};
  pool->set_trial([&](io::File&, const SlotPool::GoesOn& goes_on) {
    is_running.store(true);
    while (goes_on()) std::this_thread::yield();
    is_running.store(false);
    return false;
  });
  ASSERT_TRUE(eventually([&] { return is_running.load(); }));
  pool->cancel_trial();
  EXPECT_FALSE(is_running.load());
  pool->cancel_trial();
}

TEST_F(SlotTrialTest, StoppingThePoolEndsIt) {
  std::atomic<bool> is_running{false};
  pool->set_trial([&](io::File&, const SlotPool::GoesOn& goes_on) {
    is_running.store(true);
    while (goes_on()) std::this_thread::yield();
    return false;
  });
  ASSERT_TRUE(eventually([&] { return is_running.load(); }));
  pool->stop();
  pool->cancel_trial();
}

}  // namespace
}  // namespace spillway::wal
