#include "channel/scrubber.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

#include "wal/base/log.h"

namespace spillway::channel {
namespace {

// While commits are under way the next look is this much later, but for one piece in a while:
// a channel that is never quiet is verified, too.
constexpr std::chrono::milliseconds kPauseForCommits{50};
constexpr std::chrono::seconds kPatience{2};

// Nothing to do: how long until the next look at what is there.
constexpr std::chrono::seconds kIdle{60};

std::uint64_t in_ns(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(duration.count());
}

}  // namespace

Scrubber::Scrubber(std::string channel, const ScrubOptions& options, const ScrubbedLog& log,
                   const Clock& clock)
    : channel_(std::move(channel)),
      options_(options),
      id_(log.id),
      log_(log.options),
      slots_(log.slots),
      segments_(log.segments),
      clock_(clock) {
  log_.background = wal::Background::kNone;  // one read at a time, none ahead
}

Scrubber::~Scrubber() {
  stop();
}

std::chrono::nanoseconds Scrubber::step(const Traffic& traffic) {
  const std::uint64_t now_ns = clock_.monotonic_ns();
  const auto segments = segments_.snapshot();
  watch(segments, traffic.read_lsn, now_ns);
  if (scan_ && !watches_.contains(segment_.number)) scan_.reset();  // read or gone meanwhile
  std::uint64_t wait_ns = 0;
  if (!scan_ && !choose(segments, now_ns, wait_ns)) return std::chrono::nanoseconds(wait_ns);
  if (must_wait(traffic, now_ns)) return kPauseForCommits;
  const std::uint64_t before = scrubbed_bytes.value();
  verify_piece();
  const std::uint64_t bytes = scrubbed_bytes.value() - before;
  return std::chrono::nanoseconds(bytes * 1'000'000'000 / options_.bytes_per_second);
}

bool Scrubber::must_wait(const Traffic& traffic, std::uint64_t now_ns) {
  const std::uint64_t before = std::exchange(written_bytes_, traffic.written_bytes);
  if (before == traffic.written_bytes) {
    postponed_since_ns_.reset();
    return false;
  }
  if (!postponed_since_ns_) postponed_since_ns_ = now_ns;
  if (now_ns - *postponed_since_ns_ < in_ns(kPatience)) return true;
  postponed_since_ns_.reset();
  return false;
}

void Scrubber::watch(const std::vector<wal::Segment>& segments, wal::Lsn read_lsn,
                     std::uint64_t now_ns) {
  const auto is_waiting = [&](const wal::Segment& segment) {
    return segment.is_sealed && segment.first_lsn > read_lsn;
  };
  std::erase_if(watches_, [&](const auto& watched) {
    return std::none_of(segments.begin(), segments.end(), [&](const wal::Segment& segment) {
      return segment.number == watched.first && is_waiting(segment);
    });
  });
  for (const wal::Segment& segment : segments) {
    if (!is_waiting(segment)) continue;
    watches_.try_emplace(segment.number,
                         Watch{.due_ns = now_ns + in_ns(options_.interval), .reported = {}});
  }
}

bool Scrubber::choose(const std::vector<wal::Segment>& segments, std::uint64_t now_ns,
                      std::uint64_t& wait_ns) {
  wait_ns = in_ns(kIdle);
  if (watches_.empty()) return false;
  const auto first = std::min_element(watches_.begin(), watches_.end(), [](auto& a, auto& b) {
    return a.second.due_ns < b.second.due_ns;
  });
  if (first->second.due_ns > now_ns) {
    wait_ns = std::min(wait_ns, first->second.due_ns - now_ns);
    return false;
  }
  for (const wal::Segment& segment : segments) {
    if (segment.number == first->first) segment_ = segment;
  }
  scan_.emplace(id_, log_, slots_, segment_, std::nullopt);
  return true;
}

void Scrubber::verify_piece() {
  const wal::Lsn begin = scan_->lsn();
  bool is_over = false;
  while (!is_over && scan_->lsn() - begin < log_.read_bytes) {
    const auto step = scan_->next();
    // A device that refuses every read is not damage; consumers will say so.
    is_over = !step.has_value() || (!step.value().block && !step.value().lost);
    if (is_over || !step.value().lost) continue;
    if (is_still_there()) report(*step.value().lost, step.value().fault);
  }
  scrubbed_bytes.add(scan_->lsn() - begin);
  if (!is_over) return;
  watches_[segment_.number].due_ns = clock_.monotonic_ns() + in_ns(options_.interval);
  scan_.reset();
}

// A slot is used again only after its segment has left the table.
bool Scrubber::is_still_there() const {
  const auto now = segments_.find(segment_.first_lsn);
  return now && now->number == segment_.number;
}

void Scrubber::report(const wal::LostRange& lost, wal::BlockFault fault) {
  std::vector<std::uint64_t>& reported = watches_[segment_.number].reported;
  if (std::find(reported.begin(), reported.end(), lost.first_lsn.value) != reported.end()) return;
  reported.push_back(lost.first_lsn.value);
  damaged_ranges.add();
  damaged_events.add(lost.entries.count());
  log_error("channel.scrub_damage", "stored events that nobody has read yet are damaged",
            {{"channel", channel_},
             {"slot", wal::slot_name(segment_.slot)},
             {"fault", wal::fault_name(fault)},
             {"first_sequence", lost.entries.first.value},
             {"end_sequence", lost.entries.end.value},
             {"first_lsn", lost.first_lsn.value},
             {"end_lsn", lost.end_lsn.value}});
}

void Scrubber::start(std::function<Traffic()> traffic) {
  if (options_.interval.count() == 0) return;
  thread_ = std::thread([this, traffic = std::move(traffic)] { run(traffic); });
}

void Scrubber::stop() {
  {
    const MutexLock lock(mutex_);
    is_stopping_ = true;
    wake_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

void Scrubber::run(const std::function<Traffic()>& traffic) {
  // Of this thread alone, on Linux. Without the right to do so it is no less correct.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, 19));
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    lock.unlock();
    const auto wait = step(traffic());
    lock.lock();
    if (!is_stopping_) wake_.wait_for(lock, wait);
  }
}

}  // namespace spillway::channel
