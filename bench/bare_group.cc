#include "bench/bare_group.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "bench/cpu_time.h"
#include "wal/base/bytes.h"
#include "wal/base/futex.h"
#include "wal/base/mutex.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::bench {
namespace {

// As the engine's defaults, LogOptions.
constexpr std::uint64_t kGroupBytesMin = 1 * kMiB;
constexpr std::uint64_t kOverlapBytesMin = 128 * kKiB;
constexpr std::size_t kDepthMax = 4;

constexpr std::uint64_t kWarmUpNs = 50'000'000;

struct Group {
  static constexpr std::uint32_t kStaged = 0;
  static constexpr std::uint32_t kLeaderWanted = 1;
  static constexpr std::uint32_t kDone = 2;

  io::AlignedBuffer memory;
  std::uint64_t used_bytes = 0;
  std::atomic<std::uint32_t> state{kStaged};  // futex word
};

class BareGroups {
 public:
  BareGroups(io::File& file, const BareGroupOptions& options)
      : file_(file),
        options_(options),
        group_bytes_max_(std::max(kGroupBytesMin, options.threads * options.commit_bytes)) {}

  void commit_until_over(const std::atomic<bool>& is_over) {
    const std::vector<std::byte> body(options_.commit_bytes);
    while (!is_over.load(std::memory_order_relaxed)) {
      commit(body);
      commits_.fetch_add(1, std::memory_order_relaxed);
    }
  }

  [[nodiscard]] std::uint64_t commits() const { return commits_.load(); }
  [[nodiscard]] bool has_failed() const { return has_failed_.load(); }

 private:
  void commit(ByteSpan body) {
    MutexLock lock(mutex_);
    const std::shared_ptr<Group> mine = stage(body);
    while (mine->state.load() != Group::kDone) {
      if (can_lead()) {
        write_open(lock);
        continue;
      }
      lock.unlock();
      futex_wait(mine->state, Group::kStaged);
      lock.lock();
      std::uint32_t wanted = Group::kLeaderWanted;
      mine->state.compare_exchange_strong(wanted, Group::kStaged);
    }
    // Somebody else has to write what has been staged meanwhile.
    if (can_lead() && open_->state.exchange(Group::kLeaderWanted) == Group::kStaged) {
      futex_wake_one(open_->state);
    }
  }

  std::shared_ptr<Group> stage(ByteSpan body) REQUIRES(mutex_) {
    if (open_ == nullptr) {
      open_ = std::make_shared<Group>();
      if (spare_.empty()) spare_.emplace_back(group_bytes_max_, io::PageAdvice::kHuge);
      open_->memory = std::move(spare_.back());
      spare_.pop_back();
    }
    std::copy(body.begin(), body.end(), open_->memory.data() + open_->used_bytes);
    open_->used_bytes += body.size();
    return open_;
  }

  [[nodiscard]] bool can_lead() const REQUIRES(mutex_) {
    if (open_ == nullptr) return false;
    if (writing_ == 0) return true;
    return writing_ < kDepthMax && open_->used_bytes >= kOverlapBytesMin;
  }

  // Works without the lock, which the analysis cannot follow through a parameter.
  void write_open(MutexLock& lock) NO_THREAD_SAFETY_ANALYSIS {
    const std::shared_ptr<Group> group = std::move(open_);
    open_ = nullptr;
    const std::uint64_t bytes = align_up(group->used_bytes, io::kBlockBytes);
    if (at_ + bytes > options_.file_bytes) at_ = 0;
    const std::uint64_t at = at_;
    at_ += bytes;
    ++writing_;
    lock.unlock();
    const ByteSpan written = ByteSpan(group->memory.span()).first(bytes);
    if (!file_.write_at(at, written, io::Durability::kDurable).has_value()) has_failed_.store(true);
    group->state.store(Group::kDone);
    futex_wake_all(group->state);
    lock.lock();
    --writing_;
    spare_.push_back(std::move(group->memory));
  }

  io::File& file_;
  const BareGroupOptions options_;
  const std::uint64_t group_bytes_max_;  // one commit of each thread
  std::atomic<std::uint64_t> commits_{0};
  std::atomic<bool> has_failed_{false};
  Mutex mutex_;
  std::shared_ptr<Group> open_ GUARDED_BY(mutex_);
  std::vector<io::AlignedBuffer> spare_ GUARDED_BY(mutex_);
  std::uint64_t at_ GUARDED_BY(mutex_) = 0;
  std::size_t writing_ GUARDED_BY(mutex_) = 0;
};

}  // namespace

Result<BareGroupSample> commit_bare_groups(io::File& file, const BareGroupOptions& options,
                                           const Clock& clock) {
  BareGroups groups(file, options);
  std::atomic<bool> is_over{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options.threads; ++i) {
    threads.emplace_back([&] { groups.commit_until_over(is_over); });
  }
  std::this_thread::sleep_for(std::chrono::nanoseconds(kWarmUpNs));
  const std::uint64_t commits_before = groups.commits();
  const double cpu_before = cpu_seconds();
  const std::uint64_t started = clock.monotonic_ns();
  std::this_thread::sleep_for(std::chrono::nanoseconds(options.duration_ns));
  const auto commits = static_cast<double>(groups.commits() - commits_before);
  const double cpu = cpu_seconds() - cpu_before;
  const double seconds = static_cast<double>(clock.monotonic_ns() - started) / 1e9;
  is_over.store(true);
  for (std::thread& thread : threads) thread.join();
  if (groups.has_failed()) return Error{.code = Errc::kIo, .what = "a bare write failed"};
  return BareGroupSample{
      .commits_per_second = commits / seconds,
      .bytes_per_second = commits * static_cast<double>(options.commit_bytes) / seconds,
      .cpu_us_per_commit = cpu * 1e6 / commits};
}

}  // namespace spillway::bench
