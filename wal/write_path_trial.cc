#include "wal/write_path_trial.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/base/check.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::wal {
namespace {

// Blocks that overlap have at least 128 KiB and at most 1 MiB.
constexpr std::uint64_t kWriteBytes = 256 * kKiB;
constexpr std::size_t kWritesPerTurn = 16;
constexpr std::size_t kRoundsMin = 3;
constexpr std::size_t kRoundsMax = 9;
constexpr double kClearLead = 1.1;

class Trial {
 public:
  Trial(io::File& file, io::WriteQueue& queue, const Clock& clock, const TrialOptions& options,
        const std::function<bool()>& goes_on)
      : file_(file), queue_(queue), clock_(clock), options_(options), goes_on_(goes_on) {}

  Result<TrialFigures> run();

 private:
  using Time = std::optional<std::uint64_t>;  // nullopt: cut short

  [[nodiscard]] bool is_over() const { return clock_.monotonic_ns() >= end_ns_ || !goes_on_(); }
  [[nodiscard]] std::uint64_t offset_of(std::size_t write) const {
    return write % piece_count_ * kWriteBytes;
  }
  [[nodiscard]] ByteSpan bytes_of(std::size_t write) const {
    return contents_.span().subspan(offset_of(write), kWriteBytes);
  }
  Result<Time> by_ring();
  Result<Time> by_threads();

  io::File& file_;
  io::WriteQueue& queue_;
  const Clock& clock_;
  const TrialOptions options_;
  const std::function<bool()>& goes_on_;
  std::size_t piece_count_ = 0;
  io::AlignedBuffer contents_;
  std::uint64_t end_ns_ = 0;
};

Result<TrialFigures> Trial::run() {
  end_ns_ = clock_.monotonic_ns() + options_.time_max_ns;
  TRY_ASSIGN(const std::uint64_t file_bytes, file_.size_bytes());
  piece_count_ = std::min<std::size_t>(file_bytes / kWriteBytes, kWritesPerTurn);
  if (piece_count_ < options_.depth) return TrialFigures{};
  contents_ = io::AlignedBuffer(piece_count_ * kWriteBytes);
  TRY_ASSIGN(const std::size_t read_bytes, file_.read_at(0, contents_.span()));
  if (read_bytes != contents_.size()) return TrialFigures{};
  std::vector<std::uint64_t> ring_ns;
  std::vector<std::uint64_t> threads_ns;
  // The first round warms up. Who begins changes, so that neither gains by its place.
  for (std::size_t round = 0; round <= kRoundsMax; ++round) {
    const bool is_ring_first = round % 2 == 0;
    TRY_ASSIGN(const Time first, is_ring_first ? by_ring() : by_threads());
    if (!first) break;
    TRY_ASSIGN(const Time second, is_ring_first ? by_threads() : by_ring());
    if (!second) break;
    if (round == 0) continue;
    ring_ns.push_back(is_ring_first ? *first : *second);
    threads_ns.push_back(is_ring_first ? *second : *first);
  }
  TrialFigures figures{.rounds = ring_ns.size()};
  if (figures.rounds == 0) return figures;
  const auto bytes_per_second = [](std::vector<std::uint64_t>& turns_ns) {
    const auto middle = turns_ns.begin() + static_cast<std::ptrdiff_t>(turns_ns.size() / 2);
    std::nth_element(turns_ns.begin(), middle, turns_ns.end());
    return static_cast<double>(kWritesPerTurn * kWriteBytes) * 1e9 /
           static_cast<double>(std::max<std::uint64_t>(*middle, 1));
  };
  figures.ring_bytes_per_second = bytes_per_second(ring_ns);
  figures.threads_bytes_per_second = bytes_per_second(threads_ns);
  return figures;
}

Result<Trial::Time> Trial::by_ring() {
  const std::uint64_t started_ns = clock_.monotonic_ns();
  std::size_t submitted = 0;
  std::vector<io::WriteDone> done;
  while (true) {
    while (submitted < kWritesPerTurn && submitted - done.size() < options_.depth && !is_over()) {
      queue_.submit(file_, offset_of(submitted), bytes_of(submitted), submitted);
      ++submitted;
    }
    if (done.size() == submitted) break;
    queue_.reap(done, io::WriteQueue::Wait::kForOne);
  }
  const std::uint64_t ended_ns = clock_.monotonic_ns();
  for (const io::WriteDone& one : done) TRY(one.outcome);
  return submitted == kWritesPerTurn ? Time(ended_ns - started_ns) : Time();
}

Result<Trial::Time> Trial::by_threads() {
  std::vector<Result<void>> outcomes(options_.depth);
  std::atomic<std::size_t> next{0};
  std::atomic<std::size_t> written{0};
  std::atomic<std::size_t> ready{0};
  std::atomic<bool> may_start{false};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < options_.depth; ++i) {
    threads.emplace_back([&, &outcome = outcomes[i]] {
      ready.fetch_add(1);
      ready.notify_one();
      may_start.wait(false);
      while (outcome.has_value() && !is_over()) {
        const std::size_t write = next.fetch_add(1);
        if (write >= kWritesPerTurn) return;
        outcome = file_.write_at(offset_of(write), bytes_of(write), options_.durability);
        written.fetch_add(1);
      }
    });
  }
  // Writer threads exist already when they are needed: making them does not count.
  for (std::size_t seen = ready.load(); seen < options_.depth; seen = ready.load()) {
    ready.wait(seen);
  }
  const std::uint64_t started_ns = clock_.monotonic_ns();
  may_start.store(true);
  may_start.notify_all();
  for (std::thread& thread : threads) thread.join();
  const std::uint64_t ended_ns = clock_.monotonic_ns();
  for (const Result<void>& outcome : outcomes) TRY(outcome);
  return written.load() == kWritesPerTurn ? Time(ended_ns - started_ns) : Time();
}

}  // namespace

bool TrialFigures::is_ring_ahead() const {
  return rounds >= kRoundsMin && ring_bytes_per_second > kClearLead * threads_bytes_per_second;
}

Result<TrialFigures> compare_write_paths(io::File& file, io::WriteQueue& queue, const Clock& clock,
                                         const TrialOptions& options,
                                         const std::function<bool()>& goes_on) {
  CHECK(queue.depth() >= options.depth);
  return Trial(file, queue, clock, options, goes_on).run();
}

}  // namespace spillway::wal
