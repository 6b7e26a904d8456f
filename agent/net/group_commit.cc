#include "agent/net/group_commit.h"

#include <utility>

#include "agent/counted_receive.h"
#include "wal/base/log.h"

namespace spillway::agent {

void GroupCommit::add_unit(const StreamClientPtr& client, std::size_t first) {
  if (rules_.has_answers) units_.push_back({.client = client, .events = batch_.size() - first});
}

GroupCommit::Outcome GroupCommit::commit() {
  if (batch_.is_empty() && units_.empty()) return Outcome::kDone;
  const Attempt attempt = is_retry_ ? Attempt::kRetry : Attempt::kFirst;
  const auto received = receive_counted(receiver_, batch_, counters_, attempt);
  const bool is_too_large = !received.has_value() && received.error().code == Errc::kTooLarge;
  is_retry_ = true;
  if (is_too_large && rules_.has_answers && units_.size() > 1) return commit_units();
  if (is_too_large && !rules_.has_answers && batch_.size() > 1) return commit_events();
  if (!received.has_value()) {
    if (rules_.retries_refused && !is_too_large) return Outcome::kBlocked;
    report_refusal(received);
  }
  for (Unit& unit : units_) answer(unit, received);
  clear();
  return Outcome::kDone;
}

void GroupCommit::answer(Unit& unit, const Result<void>& received) {
  unit.client->decoder->answer(received, unit.client->replies);
}

void GroupCommit::report_refusal(const Result<void>& received) {
  if (rules_.has_answers) {
    log_warn("net.refused", "channels refuse events; their client was told",
             {{"source", source_name_}, {"error", received.error()}});
    return;
  }
  dropped_.add(batch_.size());
  log_error("net.events_dropped", "no channel can hold an event; it is lost",
            {{"source", source_name_}, {"events", batch_.size()}, {"error", received.error()}});
}

// One unit no channel can hold must not fail its neighbours.
GroupCommit::Outcome GroupCommit::commit_units() {
  Result<void> received;
  channel::EventBatch single;
  std::size_t next = 0;
  for (Unit& unit : units_) {
    const bool is_refused = !received.has_value() && received.error().code != Errc::kTooLarge;
    single.clear();
    for (std::size_t i = 0; i < unit.events; ++i) single.add(batch_[next + i]);
    next += unit.events;
    if (!is_refused) {  // a full channel is not asked again for every unit
      received = receive_counted(receiver_, single, counters_, Attempt::kRetry);
      if (!received.has_value()) report_refusal(received);
    }
    answer(unit, received);
  }
  clear();
  return Outcome::kDone;
}

GroupCommit::Outcome GroupCommit::commit_events() {
  channel::EventBatch single;
  for (std::size_t i = 0; i < batch_.size(); ++i) {
    single.clear();
    single.add(batch_[i]);
    const auto received = receive_counted(receiver_, single, counters_, Attempt::kRetry);
    if (received.has_value()) continue;
    if (rules_.retries_refused && received.error().code != Errc::kTooLarge) {
      channel::EventBatch rest;
      for (std::size_t left = i; left < batch_.size(); ++left) rest.add(batch_[left]);
      batch_ = std::move(rest);
      return Outcome::kBlocked;
    }
    dropped_.add();
    log_error("net.events_dropped", "no channel can hold an event; it is lost",
              {{"source", source_name_}, {"events", 1}, {"error", received.error()}});
  }
  clear();
  return Outcome::kDone;
}

void GroupCommit::drop() {
  if (!batch_.is_empty()) {
    dropped_.add(batch_.size());
    log_error("net.events_dropped", "stopped while the channels refuse events; they are lost",
              {{"source", source_name_}, {"events", batch_.size()}});
  }
  clear();
}

void GroupCommit::clear() {
  batch_.clear();
  units_.clear();
  is_retry_ = false;
}

}  // namespace spillway::agent
