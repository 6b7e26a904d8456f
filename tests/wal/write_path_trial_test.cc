// The trial between a queue and threads: whoever is clearly faster wins, a tie and a doubt go to
// threads, the file's bytes stay as they are, and it ends when told to or when its time is over.

#include "wal/write_path_trial.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "tests/support/fake_clock.h"
#include "wal/base/mutex.h"

namespace spillway::wal {
namespace {

using std::chrono::microseconds;

constexpr std::size_t kFileBytes = 5 * kMiB;

/// A file in memory on a device where time passes only by writing.
class TimedFile final : public io::File {
 public:
  TimedFile(test::FakeClock& clock, microseconds write_time)
      : clock_(clock), write_time_(write_time), bytes_(kFileBytes) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) bytes_[i] = static_cast<std::byte>(i / 1000);
  }

  Result<std::size_t> read_at(std::uint64_t offset, MutableByteSpan bytes) override {
    const std::size_t count = std::min<std::size_t>(bytes.size(), size - offset);
    std::memcpy(bytes.data(), bytes_.data() + offset, count);
    return count;
  }
  Result<void> write_at(std::uint64_t offset, ByteSpan bytes, io::Durability durability) override {
    clock_.advance(write_time_);
    EXPECT_EQ(durability, io::Durability::kDurable);
    return put(offset, bytes);
  }
  Result<void> put(std::uint64_t offset, ByteSpan bytes) {
    const MutexLock lock(mutex_);
    if (++writes == failing_write) return Error{.code = Errc::kIo, .os_error = EIO};
    std::memcpy(bytes_.data() + offset, bytes.data(), bytes.size());
    return {};
  }
  Result<void> sync() override { return {}; }
  Result<std::uint64_t> size_bytes() override { return std::uint64_t{size}; }
  Result<void> allocate(std::uint64_t) override { return {}; }
  Result<void> truncate(std::uint64_t) override { return {}; }
  [[nodiscard]] int descriptor() const override { return -1; }
  [[nodiscard]] const std::vector<std::byte>& bytes() const { return bytes_; }

  std::size_t size = kFileBytes;
  std::size_t writes = 0;
  std::size_t failing_write = 0;

 private:
  test::FakeClock& clock_;
  const microseconds write_time_;
  Mutex mutex_;
  std::vector<std::byte> bytes_;
};

/// Writes to a TimedFile in a time of its own.
class TimedQueue final : public io::WriteQueue {
 public:
  TimedQueue(test::FakeClock& clock, microseconds write_time)
      : clock_(clock), write_time_(write_time) {}

  [[nodiscard]] std::size_t depth() const override { return 4; }
  void submit(io::File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) override {
    ASSERT_LT(done_.size(), depth());
    most_in_flight = std::max(most_in_flight, done_.size() + 1);
    done_.push_back({.tag = tag, .outcome = dynamic_cast<TimedFile&>(file).put(offset, bytes)});
  }
  void reap(std::vector<io::WriteDone>& done, Wait /*wait*/) override {
    if (done_.empty()) return;
    clock_.advance(write_time_);
    done.push_back(done_.back());  // in any order
    done_.pop_back();
  }
  void interrupt() override {}

  std::size_t most_in_flight = 0;

 private:
  test::FakeClock& clock_;
  const microseconds write_time_;
  std::vector<io::WriteDone> done_;
};

struct WritePathTrialTest : testing::Test {
  Result<TrialFigures> compare(TimedFile& file, TimedQueue& queue) {
    return compare_write_paths(file, queue, clock, {}, [this] { return goes_on(); });
  }
  TrialFigures must_compare(microseconds ring, microseconds threads) {
    TimedFile file(clock, threads);
    TimedQueue queue(clock, ring);
    const auto figures = compare(file, queue);
    EXPECT_TRUE(figures.has_value());
    return figures.has_value() ? figures.value() : TrialFigures{};
  }
  bool goes_on() { return looks.fetch_add(1) < looks_max; }

  test::FakeClock clock;
  std::atomic<int> looks{0};
  int looks_max = 1'000'000;
};

TEST_F(WritePathTrialTest, ClearlyFasterRingIsAhead) {
  const TrialFigures figures = must_compare(microseconds(80), microseconds(100));
  EXPECT_TRUE(figures.is_ring_ahead());
  EXPECT_GE(figures.rounds, 3U);
  EXPECT_NEAR(figures.ring_bytes_per_second, 256.0 * 1024 / 80e-6, 1e3);
  EXPECT_NEAR(figures.threads_bytes_per_second, 256.0 * 1024 / 100e-6, 1e3);
}

TEST_F(WritePathTrialTest, TieAndSmallLeadAreNot) {
  EXPECT_FALSE(must_compare(microseconds(100), microseconds(100)).is_ring_ahead());
  EXPECT_FALSE(must_compare(microseconds(96), microseconds(100)).is_ring_ahead());
  EXPECT_FALSE(must_compare(microseconds(150), microseconds(100)).is_ring_ahead());
}

TEST_F(WritePathTrialTest, LeadInTooFewRoundsIsNot) {
  // One round takes 16 * 1.2 ms: the time is over in the third.
  const TrialFigures figures = must_compare(microseconds(200), microseconds(1000));
  EXPECT_LT(figures.rounds, 3U);
  EXPECT_FALSE(figures.is_ring_ahead());
  EXPECT_LE(clock.monotonic_ns(), 50'000'000U + 4 * 1'000'000U) << "what was in flight may finish";
}

TEST_F(WritePathTrialTest, EndsWithoutAVerdictWhenToldTo) {
  looks_max = 40;  // the warm-up has 32 writes
  const TrialFigures figures = must_compare(microseconds(10), microseconds(100));
  EXPECT_EQ(figures.rounds, 0U);
  EXPECT_FALSE(figures.is_ring_ahead());
}

TEST_F(WritePathTrialTest, KeepsSeveralWritesInFlightAndTheBytesAsTheyAre) {
  TimedFile file(clock, microseconds(10));
  TimedQueue queue(clock, microseconds(10));
  const std::vector<std::byte> before = file.bytes();
  ASSERT_TRUE(compare(file, queue).has_value());
  EXPECT_GT(file.writes, 100U);
  EXPECT_EQ(queue.most_in_flight, 4U);
  EXPECT_EQ(file.bytes(), before);
}

TEST_F(WritePathTrialTest, ErrorOfTheDeviceEndsIt) {
  for (const std::size_t failing : {3U, 20U, 70U}) {
    TimedFile file(clock, microseconds(10));
    TimedQueue queue(clock, microseconds(10));
    file.failing_write = failing;
    const auto figures = compare(file, queue);
    ASSERT_FALSE(figures.has_value()) << failing;
    EXPECT_EQ(figures.error().os_error, EIO);
  }
}

TEST_F(WritePathTrialTest, SmallFileGivesNoVerdict) {
  TimedFile file(clock, microseconds(100));
  TimedQueue queue(clock, microseconds(10));
  file.size = 900 * kKiB;
  const auto figures = compare(file, queue);
  ASSERT_TRUE(figures.has_value());
  EXPECT_FALSE(figures.value().is_ring_ahead());
  EXPECT_EQ(file.writes, 0U);
}

}  // namespace
}  // namespace spillway::wal
