// GroupCommit: the transaction that the clients of a network source fill together.
//
// Hands the events on and tells each unit its fate. Units no channel can hold fail alone.
#pragma once

#include <cstddef>
#include <vector>

#include "agent/component.h"
#include "agent/net/stream_client.h"
#include "channel/event_batch.h"

namespace spillway::agent {

/// Lives on the loop's thread.
class GroupCommit {
 public:
  struct Rules {
    bool has_answers = false;      // units are answered; otherwise every event is a unit
    bool retries_refused = false;  // kBlocked instead of a refusal
  };
  GroupCommit(const std::string& source_name, Rules rules, EventReceiver& receiver,
              SourceCounters& counters, Counter& dropped)
      : source_name_(source_name),
        rules_(rules),
        receiver_(receiver),
        counters_(counters),
        dropped_(dropped) {}

  [[nodiscard]] channel::EventBatch& batch() { return batch_; }
  [[nodiscard]] std::size_t size() const { return batch_.size(); }

  /// The events from `first` to the end of batch() are a unit of `client`.
  void add_unit(const StreamClientPtr& client, std::size_t first);

  enum class Outcome : std::uint8_t { kDone, kBlocked };
  /// kBlocked: the events stay, nobody was told anything; call again later.
  Outcome commit();

  /// Gives up the events that are still here: they are lost, counted and logged.
  void drop();

 private:
  struct Unit {
    StreamClientPtr client;
    std::size_t events = 0;
  };
  Outcome commit_units();
  Outcome commit_events();
  void answer(Unit& unit, const Result<void>& received);
  void report_refusal(const Result<void>& received);
  void clear();

  const std::string& source_name_;
  const Rules rules_;
  EventReceiver& receiver_;
  SourceCounters& counters_;
  Counter& dropped_;

  channel::EventBatch batch_;
  std::vector<Unit> units_;  // of batch_, in order; empty without answers
  bool is_retry_ = false;    // these events were offered before
};

}  // namespace spillway::agent
