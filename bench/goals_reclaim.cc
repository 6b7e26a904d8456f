// The goal about giving disk space back: what a producer notices while files are deleted.
//
// Each sample has the same load three times: while SlotPool deletes slots, while files of the same
// size are unlinked, and while nothing is deleted for as long as the slots took. What is deleted
// lies beside the channel, in the same file system, so that nothing but the deletion differs.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "bench/commit_spans.h"
#include "bench/goal.h"
#include "wal/base/metrics.h"
#include "wal/slot_files.h"
#include "wal/slot_pool.h"

namespace spillway::bench {
namespace {

constexpr std::size_t kDeletions = 4;  // per load
constexpr std::chrono::milliseconds kBetweenDeletions{20};
constexpr std::chrono::microseconds kPoll{200};
constexpr std::uint64_t kDeletionWaitNs = 30'000'000'000;
constexpr std::uint64_t kFileBytes = 64 * kMiB;

wal::LogOptions pool_options() {
  wal::LogOptions options;
  options.slot_bytes = kFileBytes;
  // No spare slots: whatever is released is deleted.
  options.spare_slots_min = 0;
  options.spare_slots_max = 0;
  return options;
}

enum class Deletion : std::uint8_t { kSlots, kUnlink, kNone };

class ReclaimLoad {
 public:
  ReclaimLoad(const GoalSite& site, std::unique_ptr<BenchChannel> channel,
              std::unique_ptr<io::Directory> directory)
      : site_(site),
        channel_(std::move(channel)),
        directory_(std::move(directory)),
        pool_({directory_.get()}, pool_options()) {}

  Result<void> open() {
    TRY(pool_.open());
    pool_.start({});
    return {};
  }

  /// The longest commit beside deletions, in ms.
  Result<double> run(Deletion deletion) {
    TRY(make_files(deletion));
    std::atomic<bool> is_over{false};
    Result<std::vector<Span>> spans = std::vector<Span>();
    std::thread deleter([&] {
      spans = delete_files(deletion);
      is_over.store(true);
    });
    const auto commits = commit_while(site_, channel_->channel(), [&] {
      pool_.note_write();  // as the log does for the pool of its own slots
      return !is_over.load();
    });
    deleter.join();
    TRY(commits);
    TRY(spans);
    if (deletion == Deletion::kSlots) slot_spans_ = spans.value();
    TRY(channel_->drain());
    return static_cast<double>(longest_beside(commits.value(), spans.value())) / 1e6;
  }

 private:
  static std::string file_name(std::size_t index) { return "unlinked-" + std::to_string(index); }

  // Pre-written, so that both kinds hold as many blocks.
  Result<void> make_files(Deletion deletion) {
    slots_.clear();
    for (std::size_t i = 0; i < kDeletions && deletion == Deletion::kSlots; ++i) {
      TRY_ASSIGN(const wal::Slot slot, pool_.acquire(wal::SlotPool::Prewrite::kYes));
      slots_.push_back(slot.id);
    }
    for (std::size_t i = 0; i < kDeletions && deletion == Deletion::kUnlink; ++i) {
      const auto made = wal::make_slot_file(*directory_, file_name(i), kFileBytes,
                                            wal::Fill::kZeros, /*pace=*/nullptr);
      TRY(made.file);
    }
    return {};
  }

  Result<std::vector<Span>> delete_files(Deletion deletion) {
    std::vector<Span> spans;
    for (std::size_t i = 0; i < kDeletions; ++i) {
      std::this_thread::sleep_for(kBetweenDeletions);
      const std::uint64_t begin_ns = site_.clock.monotonic_ns();
      TRY(delete_one(deletion, i));
      spans.push_back({.begin_ns = begin_ns, .end_ns = site_.clock.monotonic_ns()});
    }
    return spans;
  }

  Result<void> delete_one(Deletion deletion, std::size_t index) {
    switch (deletion) {
      case Deletion::kSlots:
        return delete_slot(slots_[index]);
      case Deletion::kUnlink:
        TRY(directory_->remove(file_name(index)));
        return directory_->sync();
      case Deletion::kNone:
        break;
    }
    const Span& as_long = slot_spans_.at(index);
    std::this_thread::sleep_for(std::chrono::nanoseconds(as_long.end_ns - as_long.begin_ns));
    return {};
  }

  Result<void> delete_slot(wal::SlotId slot) {
    const std::uint64_t deleted_before = pool_.stats().deleted;
    const std::uint64_t started_ns = site_.clock.monotonic_ns();
    pool_.release(slot);
    while (pool_.stats().deleted == deleted_before) {
      if (site_.clock.monotonic_ns() - started_ns > kDeletionWaitNs) {
        return Error{.code = Errc::kTimeout, .what = "a slot is not deleted"};
      }
      std::this_thread::sleep_for(kPoll);
    }
    return {};
  }

  const GoalSite& site_;
  std::unique_ptr<BenchChannel> channel_;
  std::unique_ptr<io::Directory> directory_;
  wal::SlotPool pool_;
  std::vector<wal::SlotId> slots_;
  std::vector<Span> slot_spans_;  // of the last load with slots
};

}  // namespace

Result<Sampler> prepare_reclaim_pause(const GoalSite& site) {
  TRY_ASSIGN(auto channel,
             BenchChannel::open({.directory = site.directory}, site.file_system, site.clock));
  TRY_ASSIGN(auto directory, site.file_system.open_directory(site.directory + "/deleted",
                                                             io::FileSystem::Missing::kCreate));
  const auto load = std::make_shared<ReclaimLoad>(site, std::move(channel), std::move(directory));
  TRY(load->open());
  return Sampler([load]() -> Result<std::vector<Reading>> {
    TRY_ASSIGN(const double slots, load->run(Deletion::kSlots));
    TRY_ASSIGN(const double unlink, load->run(Deletion::kUnlink));
    TRY_ASSIGN(const double none, load->run(Deletion::kNone));
    return std::vector<Reading>{
        {.value = slots}, {.value = slots, .control = none}, {.value = slots, .control = unlink}};
  });
}

}  // namespace spillway::bench
