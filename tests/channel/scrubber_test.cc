// The scrubber finds damage in what nobody has read yet, reports it once, costs no more than it
// may, gives way to commits, and leaves alone what consumers have reached.

#include "channel/scrubber.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "tests/support/eventually.h"
#include "tests/support/new_threads.h"
#include "tests/wal/log_fixture.h"

namespace spillway::channel {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

class ScrubberTest : public wal::LogTest {
 protected:
  ScrubberTest() { options.read_bytes = 16 * kKiB; }

  /// Several segments; the last is not sealed.
  void fill() {
    open();
    for (int i = 0; i < 60; ++i) put_numbered(3, 2000);
    ASSERT_GT(segments.size(), 3U);
  }

  std::unique_ptr<Scrubber> make() {
    return std::make_unique<Scrubber>("c1", scrub,
                                      ScrubbedLog{channel_id, options, *slots, segments}, clock);
  }

  void damage(const wal::Segment& segment, std::uint64_t offset) {
    disk.corrupt(slot_path(segment), segment.offset_of(segment.first_lsn) + offset + 100, 1,
                 [](MutableByteSpan byte) { byte[0] ^= std::byte{1}; });
  }

  /// Steps, letting the time pass that each asks for, until there is nothing due.
  nanoseconds scrub_all(Scrubber& scrubber) {
    nanoseconds passed{0};
    while (true) {
      const std::uint64_t before = scrubber.scrubbed_bytes.value();
      const nanoseconds wait = scrubber.step(traffic);
      if (scrubber.scrubbed_bytes.value() == before && wait >= seconds(1)) return passed;
      clock.advance(wait);
      passed += wait;
    }
  }

  [[nodiscard]] std::uint64_t sealed_bytes_behind(wal::Lsn lsn) const {
    std::uint64_t bytes = 0;
    for (const wal::Segment& segment : segments.snapshot()) {
      if (segment.is_sealed && segment.first_lsn > lsn)
        bytes += segment.end_lsn - segment.first_lsn;
    }
    return bytes;
  }

  [[nodiscard]] std::uint64_t read_calls() const {
    const auto calls = disk.calls();
    return static_cast<std::uint64_t>(std::count_if(calls.begin(), calls.end(), [](auto& call) {
      return call.kind == test::SimCallKind::kRead;
    }));
  }

  ScrubOptions scrub{.interval = seconds(100), .bytes_per_second = kMiB};
  Scrubber::Traffic traffic;
};

TEST_F(ScrubberTest, VerifiesEachSealedUnreadSegmentOncePerInterval) {
  fill();
  const auto scrubber = make();
  const std::uint64_t bytes = sealed_bytes_behind({0});
  ASSERT_GT(bytes, 0U);
  EXPECT_EQ(scrub_all(*scrubber).count(), 0) << "nothing is due yet";
  EXPECT_EQ(scrubber->scrubbed_bytes.value(), 0U);
  for (std::uint64_t round = 1; round <= 2; ++round) {
    clock.advance(scrub.interval);
    scrub_all(*scrubber);
    EXPECT_EQ(scrubber->scrubbed_bytes.value(), round * bytes);
  }
  EXPECT_EQ(scrubber->damaged_ranges.value(), 0U);
}

TEST_F(ScrubberTest, ReadsNoFasterThanItMay) {
  fill();
  const auto scrubber = make();
  scrub_all(*scrubber);
  clock.advance(scrub.interval);
  const nanoseconds passed = scrub_all(*scrubber);
  const double seconds_passed = static_cast<double>(passed.count()) / 1e9;
  const double due = static_cast<double>(scrubber->scrubbed_bytes.value()) / double{kMiB};
  EXPECT_NEAR(seconds_passed, due, due / 100);
}

TEST_F(ScrubberTest, ReportsDamageExactlyAndOnce) {
  fill();
  const auto all = segments.snapshot();
  const auto blocks = stored().blocks;
  const auto damaged = std::find_if(blocks.begin(), blocks.end(), [&](const auto& block) {
    return block.lsn > all[1].first_lsn.value && block.entry_count > 0;
  });
  ASSERT_NE(damaged, blocks.end());
  damage(all[1], damaged->lsn - all[1].first_lsn.value);
  const auto scrubber = make();
  scrub_all(*scrubber);
  for (int round = 0; round < 3; ++round) {
    clock.advance(scrub.interval);
    scrub_all(*scrubber);
    EXPECT_EQ(scrubber->damaged_ranges.value(), 1U);
    EXPECT_EQ(scrubber->damaged_events.value(), damaged->entry_count);
  }
  // Consumers get what they would have got without it.
  EXPECT_EQ(stored().entries.size(), expected.size() - damaged->entry_count);
}

TEST_F(ScrubberTest, GivesWayToCommitsButNotForever) {
  fill();
  const auto scrubber = make();
  scrub_all(*scrubber);
  clock.advance(scrub.interval);
  const std::uint64_t started_ns = clock.monotonic_ns();
  while (scrubber->scrubbed_bytes.value() == 0) {
    traffic.written_bytes += 4096;
    const std::uint64_t reads = read_calls();
    const nanoseconds wait = scrubber->step(traffic);
    if (scrubber->scrubbed_bytes.value() > 0) break;
    EXPECT_EQ(read_calls(), reads);
    EXPECT_GE(wait, milliseconds(10));
    clock.advance(wait);
  }
  EXPECT_GE(clock.monotonic_ns() - started_ns, 1'000'000'000U);
  const std::uint64_t first = scrubber->scrubbed_bytes.value();
  EXPECT_LE(first, 2 * options.read_bytes) << "one piece only";
  traffic.written_bytes += 4096;
  scrubber->step(traffic);
  EXPECT_EQ(scrubber->scrubbed_bytes.value(), first) << "and then it waits again";
  scrubber->step(traffic);
  EXPECT_GT(scrubber->scrubbed_bytes.value(), first) << "quiet now";
}

TEST_F(ScrubberTest, LeavesAloneWhatConsumersHaveReached) {
  fill();
  const auto scrubber = make();
  scrub_all(*scrubber);
  clock.advance(scrub.interval);
  scrubber->step(traffic);  // begins the second segment
  ASSERT_GT(scrubber->scrubbed_bytes.value(), 0U);
  const std::uint64_t before = scrubber->scrubbed_bytes.value();
  traffic.read_lsn = segments.snapshot().back().first_lsn;
  const std::uint64_t reads = read_calls();
  EXPECT_GE(scrubber->step(traffic), seconds(1));
  EXPECT_EQ(read_calls(), reads);
  EXPECT_EQ(scrubber->scrubbed_bytes.value(), before);
}

TEST_F(ScrubberTest, SlotThatWasReclaimedMeanwhileIsNotDamage) {
  fill();
  const auto scrubber = make();
  scrub_all(*scrubber);
  clock.advance(scrub.interval);
  scrubber->step(traffic);
  const auto all = segments.snapshot();
  ASSERT_EQ(remove_drained(all[1].end_sequence).size(), 2U);
  disk.corrupt(slot_path(all[1]), 0, options.slot_bytes,
               [](MutableByteSpan bytes) { std::fill(bytes.begin(), bytes.end(), std::byte{0}); });
  scrub_all(*scrubber);
  EXPECT_EQ(scrubber->damaged_ranges.value(), 0U);
}

TEST_F(ScrubberTest, DeviceThatIsGoneIsNotDamage) {
  fill();
  const auto scrubber = make();
  scrub_all(*scrubber);
  clock.advance(scrub.interval);
  disk.fail_when([](const test::SimCall& call) { return call.kind == test::SimCallKind::kRead; },
                 {.code = Errc::kIo, .os_error = EIO, .what = "gone"});
  scrub_all(*scrubber);
  EXPECT_EQ(scrubber->damaged_ranges.value(), 0U);
  disk.clear_faults();
  clock.advance(scrub.interval);
  scrub_all(*scrubber);
  EXPECT_EQ(scrubber->damaged_ranges.value(), 0U);
  EXPECT_GE(scrubber->scrubbed_bytes.value(), sealed_bytes_behind({0}));
}

TEST_F(ScrubberTest, ThreadDoesTheSameAndEnds) {
  fill();
  damage(segments.snapshot()[2], 0);
  const test::NewThreads threads;
  scrub = {.interval = seconds(1), .bytes_per_second = 64 * kMiB};
  const auto scrubber = make();
  scrubber->start([this] {
    clock.advance(seconds(2));  // whatever was seen is due at the next look
    return traffic;
  });
  EXPECT_EQ(threads.count(), 1);
  EXPECT_TRUE(test::eventually([&] { return scrubber->damaged_ranges.value() > 0; }));
  scrubber->stop();
  EXPECT_EQ(threads.settled_count(), 0);
}

TEST_F(ScrubberTest, IntervalZeroMeansNever) {
  fill();
  scrub.interval = seconds(0);
  const test::NewThreads threads;
  const auto scrubber = make();
  scrubber->start([this] { return traffic; });
  EXPECT_EQ(threads.count(), 0);
}

}  // namespace
}  // namespace spillway::channel
