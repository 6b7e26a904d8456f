#include "agent/recover/replay_channel.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "wal/base/check.h"

namespace spillway::agent::recover {
namespace {

using std::chrono::nanoseconds;

constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kBatchBytes = 4 * kMiB;
constexpr Error kEndedError{.code = Errc::kClosed, .what = "the replay has ended"};

}  // namespace

class ReplayChannel::Take final : public channel::TakeTransaction {
 public:
  Take(ReplayChannel& channel, Run run) : channel_(channel), run_(std::move(run)) {
    for (std::size_t i = run_.begin; i < run_.end; ++i) events_.push_back(run_.batch->events[i]);
  }
  ~Take() override {
    if (!is_finished_) rollback();
  }

  [[nodiscard]] std::span<const channel::EventView> events() const override { return events_; }

  Result<void> commit() override {
    CHECK(!is_finished_);
    is_finished_ = true;
    return events_.empty() ? Result<void>() : channel_.acknowledge(run_);
  }
  void rollback() override {
    CHECK(!is_finished_);
    is_finished_ = true;
    if (!events_.empty()) channel_.give_back(run_);
  }

 private:
  ReplayChannel& channel_;
  const Run run_;
  std::vector<channel::EventView> events_;
  bool is_finished_ = false;
};

wal::SequenceRange ReplayChannel::Run::entries() const {
  const bool is_last = end == batch->starts.size();
  return {.first = batch->starts[begin], .end = is_last ? batch->end : batch->starts[end]};
}

ReplayChannel::ReplayChannel(EventReader& reader, ReplayState& state,
                             std::uint64_t events_per_second, wal::Sequence end, Hooks hooks,
                             const Clock& clock)
    : reader_(reader),
      state_(state),
      events_per_second_(events_per_second),
      end_(end),
      hooks_(std::move(hooks)),
      clock_(clock),
      read_end_(state.done().below()) {
  CHECK(hooks_.ended != nullptr);
}

Result<void> ReplayChannel::put(const channel::EventBatch&) {
  return Error{.code = Errc::kUnsupported, .what = "a channel that is replayed takes no events"};
}

Result<std::unique_ptr<channel::TakeTransaction>> ReplayChannel::take(
    std::size_t events_max, std::chrono::milliseconds wait) {
  const std::uint64_t deadline_ns =
      clock_.monotonic_ns() + static_cast<std::uint64_t>(nanoseconds(wait).count());
  MutexLock lock(mutex_);
  const std::uint64_t interrupts = interrupts_;
  while (problem_.empty()) {
    if (can_take()) {
      TRY_ASSIGN(Run run, next_run(events_max));
      if (run.size() > 0) {
        open_events_ += run.size();
        counters_.take_attempts.add(run.size());
        return std::unique_ptr<channel::TakeTransaction>(
            std::make_unique<Take>(*this, std::move(run)));
      }
      end_if_done();
    }
    const std::uint64_t now_ns = clock_.monotonic_ns();
    if (now_ns >= deadline_ns || interrupts_ != interrupts) {
      return std::unique_ptr<channel::TakeTransaction>(std::make_unique<Take>(*this, Run{}));
    }
    std::uint64_t pause = deadline_ns - now_ns;
    if (!is_all_read_) pause = std::min(pause, std::max<std::uint64_t>(pause_ns(), 1));
    changed_.wait_for(lock, nanoseconds(pause));
  }
  return kEndedError;
}

bool ReplayChannel::can_take() const {
  return !returned_.empty() || (!is_all_read_ && pause_ns() == 0);
}

std::uint64_t ReplayChannel::pause_ns() const {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  return now_ns >= read_at_ns_ ? 0 : read_at_ns_ - now_ns;
}

// Empty when everything has been read.
Result<ReplayChannel::Run> ReplayChannel::next_run(std::size_t events_max) {
  if (returned_.empty()) return read_run(events_max);
  Run run = std::move(returned_.front());
  returned_.pop_front();
  if (run.size() > events_max) {
    Run rest = run;
    run.end = rest.begin = run.begin + events_max;
    returned_.push_front(std::move(rest));
  }
  return run;
}

Result<ReplayChannel::Run> ReplayChannel::read_run(std::size_t events_max) {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  if (hooks_.find_obstacle && now_ns >= look_at_ns_) {
    look_at_ns_ = now_ns + kSecondNs;
    const std::string obstacle = hooks_.find_obstacle();
    if (!obstacle.empty()) return fail(obstacle);
  }
  std::uint64_t most = events_max;
  if (events_per_second_ > 0) {  // in steps of a tenth of a second, not in bursts
    most = std::clamp<std::uint64_t>(events_per_second_ / 10, 1, most);
  }
  auto batch = std::make_shared<Batch>();
  while (batch->events.size() < most && batch->events.encoded_bytes() < kBatchBytes) {
    const auto step = reader_.next();
    if (!step.has_value()) return fail(to_string(step.error()));
    if (hooks_.on_read) hooks_.on_read(reader_);
    if (!step.value()) {
      is_all_read_ = true;
      break;
    }
    if (step.value()->event) {
      batch->events.add(*step.value()->event);
      batch->starts.push_back(std::exchange(read_end_, step.value()->sequence + 1));
    } else if (hooks_.on_damage) {
      hooks_.on_damage(*step.value());
    }
  }
  batch->end = read_end_;
  const std::size_t count = batch->events.size();
  if (events_per_second_ > 0) {
    read_at_ns_ = std::max(read_at_ns_, now_ns) + count * kSecondNs / events_per_second_;
  }
  return Run{.batch = std::move(batch), .begin = 0, .end = count};
}

Result<void> ReplayChannel::acknowledge(const Run& run) {
  const MutexLock lock(mutex_);
  open_events_ -= run.size();
  const auto noted = state_.add(run.entries());
  if (!noted.has_value()) {
    return fail(fmt::format("{}: {}; the last events were sent, and will be sent again",
                            state_.path(), to_string(noted.error())));
  }
  sent_events_ += run.size();
  counters_.take_successes.add(run.size());
  end_if_done();
  return {};
}

void ReplayChannel::give_back(Run run) {
  const MutexLock lock(mutex_);
  open_events_ -= run.size();
  const auto behind = std::upper_bound(
      returned_.begin(), returned_.end(), run,
      [](const Run& a, const Run& b) { return a.entries().first < b.entries().first; });
  returned_.insert(behind, std::move(run));
  changed_.notify_all();
}

void ReplayChannel::interrupt_takes() {
  const MutexLock lock(mutex_);
  ++interrupts_;
  changed_.notify_all();
}

void ReplayChannel::end_if_done() {
  if (!is_all_read_ || is_complete_ || open_events_ > 0 || !returned_.empty()) return;
  // What was passed over behind the last event is done with, too.
  const auto noted = state_.add({.first = read_end_, .end = std::max(read_end_, end_)});
  if (!noted.has_value()) {
    static_cast<void>(fail(fmt::format("{}: {}", state_.path(), to_string(noted.error()))));
    return;
  }
  is_complete_ = true;
  hooks_.ended->request();
}

Error ReplayChannel::fail(const std::string& problem) {
  if (problem_.empty()) problem_ = problem;
  changed_.notify_all();
  hooks_.ended->request();
  return kEndedError;
}

std::uint64_t ReplayChannel::size_events() const {
  const MutexLock lock(mutex_);
  std::uint64_t events = open_events_;
  for (const Run& run : returned_) events += run.size();
  return events;
}

std::uint64_t ReplayChannel::sent_events() const {
  const MutexLock lock(mutex_);
  return sent_events_;
}

bool ReplayChannel::is_complete() const {
  const MutexLock lock(mutex_);
  return is_complete_;
}

std::string ReplayChannel::problem() const {
  const MutexLock lock(mutex_);
  return problem_;
}

}  // namespace spillway::agent::recover
