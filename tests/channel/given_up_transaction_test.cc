// A transaction over several segments that a crash has cut short, and a second crash in the start
// behind it: nothing of it is ever delivered.

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/channel/channel_on_sim_disk.h"
#include "tests/support/disk_errors.h"
#include "tests/support/events.h"
#include "tests/support/sim_call.h"
#include "tests/support/survivors.h"

namespace spillway::channel {
namespace {

using test::CrashPhase;
using test::SimDisk;

class GivenUpTransactionTest : public ChannelOnSimDisk {
 protected:
  static constexpr std::size_t kEvents = 250;  // of 3 KB: four segments

  GivenUpTransactionTest() {
    options.log.background = wal::Background::kNone;
    options.log.nonce_seed = 1;
  }

  // Used from the back, released in the order of the log: twice makes its segments lie in ascending
  // slots, of which the lowest, the oldest, is deleted first.
  void fill_and_drain() {
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(put(0).has_value());
    ASSERT_EQ(test::drain(*channel).size(), 200U);
    ASSERT_TRUE(channel->checkpoint().has_value());
  }

  void put_all() {
    open();
    fill_and_drain();
    fill_and_drain();
    ASSERT_TRUE(channel->put(test::batch_of({"before"})).has_value());
    static_cast<void>(
        channel->put(test::batch_of(test::EventBodies(kEvents, std::string(3000, 'x')))));
  }

  std::unique_ptr<SimDisk> image(const SimDisk& of, test::Fate fate) {
    return of.crash_image({.name = "all", .fates = std::vector(of.pending().size(), fate)});
  }

  // The call that writes the last block of the transaction, on an empty disk.
  std::uint64_t last_write() {
    put_all();
    std::uint64_t last_write = 0;
    for (const test::SimCall& call : disk->calls()) {
      const bool is_of_log =
          call.kind == test::SimCallKind::kWrite && call.path.ends_with(".seg") && call.offset > 0;
      if (is_of_log) last_write = call.number;
    }
    stop();
    disk = std::make_unique<SimDisk>();
    return last_write;
  }

  // A disk without the last block of the transaction.
  std::unique_ptr<SimDisk> cut_short() {
    const std::uint64_t cut = last_write();
    disk->crash_at(cut, CrashPhase::kBefore);
    put_all();
    EXPECT_TRUE(disk->is_crashed());
    auto after = image(*disk, test::Fate::kLost);
    stop();
    return after;
  }

  // Crashes at every call of `live`, from number `first` on, on a disk that `prepare` makes.
  template <class Prepare, class Live>
  void expect_never_delivered(std::uint64_t first, Prepare prepare, Live live) {
    for (const CrashPhase phase : {CrashPhase::kBefore, CrashPhase::kAfterSubmit}) {
      bool is_over = false;
      for (std::uint64_t number = first; !is_over; ++number) {
        for (const test::Fate fate : {test::Fate::kLost, test::Fate::kKept}) {
          SCOPED_TRACE("crash at call " + std::to_string(number));
          disk = prepare();
          disk->crash_at(number, phase);
          live();
          is_over = !disk->is_crashed();
          disk->crash_now();
          auto after = image(*disk, fate);
          stop();
          disk = std::move(after);
          open();
          ASSERT_EQ(test::drain(*channel), test::EventBodies{"before"});
          stop();
        }
      }
    }
  }
};

TEST_F(GivenUpTransactionTest, IsNotDeliveredAfterACrashDuringTheNextStart) {
  const auto cut = cut_short();
  options.log.spare_slots_min = 1;
  options.log.spare_slots_max = 1;
  expect_never_delivered(
      1, [&] { return image(*cut, test::Fate::kLost); },
      [this] {
        channel = std::make_unique<FileChannel>(options, *disk, clock);
        static_cast<void>(channel->start());
      });
}

TEST_F(GivenUpTransactionTest, IsNotDeliveredWhenItWasRefusedBeforeTheCrash) {
  options.log.spare_slots_min = 1;
  options.log.spare_slots_max = 1;
  const std::uint64_t refused = last_write();
  const auto refusing = [refused] {
    auto made = std::make_unique<SimDisk>();
    made->fail_when([refused](const test::SimCall& call) { return call.number == refused; },
                    test::kFull, SimDisk::Repeat::kOnce);
    return made;
  };
  expect_never_delivered(refused + 1, refusing, [this] { put_all(); });
}

}  // namespace
}  // namespace spillway::channel
