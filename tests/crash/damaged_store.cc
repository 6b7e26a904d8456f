#include "tests/crash/damaged_store.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <utility>

#include "channel/event.h"
#include "checkpoint/recovery.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recorded_metrics.h"
#include "wal/base/check.h"
#include "wal/block_cache.h"
#include "wal/block_payload.h"
#include "wal/log_reader.h"
#include "wal/segment_table.h"

namespace spillway::test {
namespace {

using checkpoint::Finding;
using checkpoint::ManifestStore;

void add_range(Sequences& to, const wal::SequenceRange& range) {
  for (std::uint64_t i = range.first.value; i < range.end.value; ++i) to.insert(i);
}

// Checks one entry against what was put, and notes it.
void note_entry(const BuiltStore& store, std::uint64_t sequence, std::string_view body,
                Outcome& outcome) {
  const bool is_right =
      sequence >= 1 && sequence <= store.bodies.size() && body == store.bodies[sequence - 1];
  if (!is_right) outcome.problems.push_back("wrong contents at " + std::to_string(sequence));
  if (!outcome.delivered.empty() && outcome.delivered.back() >= sequence) {
    outcome.problems.push_back("out of order at " + std::to_string(sequence));
  }
  outcome.delivered.push_back(sequence);
}

void note_block(const BuiltStore& store, const wal::Block& block, const checkpoint::AckState& acks,
                Outcome& outcome) {
  wal::Sequence sequence = block.first_sequence();
  wal::PayloadReader records(block.payload);
  while (const auto record = records.next()) {
    if (record->kind != wal::PayloadReader::Record::Kind::kPut) continue;
    wal::EntryReader entries(record->entries);
    while (const auto entry = entries.next()) {
      const wal::SequenceRange one{.first = sequence, .end = sequence + 1};
      sequence += 1;
      if (acks.first_pending(one).is_empty()) continue;
      const auto event = channel::EventView::parse(*entry);
      note_entry(store, one.first.value, event.has_value() ? event.value().body() : "no event",
                 outcome);
    }
  }
}

// The number in "event 17 abc".
std::uint64_t sequence_of(std::string_view body) {
  constexpr std::string_view kPrefix = "event ";
  if (!body.starts_with(kPrefix)) return 0;
  return std::strtoull(std::string(body.substr(kPrefix.size())).c_str(), nullptr, 10);
}

class ChannelReading {
 public:
  ChannelReading(const BuiltStore& store, FlatDisk& disk, Outcome& outcome)
      : store_(store), outcome_(outcome), channel_(atlas_options(), disk, clock_) {
    const auto started = channel_.start();
    is_open_ = started.has_value();
    if (!is_open_) problem("cannot start: " + to_string(started.error()));
  }
  ~ChannelReading() { channel_.stop(); }
  ChannelReading(const ChannelReading&) = delete;
  ChannelReading& operator=(const ChannelReading&) = delete;

  [[nodiscard]] bool is_open() const { return is_open_; }

  std::vector<std::uint64_t> take_all(bool is_committed) {
    Outcome seen;
    std::vector<std::unique_ptr<channel::TakeTransaction>> open;
    while (true) {
      auto taken = channel_.take(100, std::chrono::milliseconds(0));
      if (!taken.has_value()) {
        problem("cannot take: " + to_string(taken.error()));
        break;
      }
      if (taken.value()->events().empty()) break;
      for (const channel::EventView& event : taken.value()->events()) {
        note_entry(store_, sequence_of(event.body()), event.body(), seen);
      }
      open.push_back(std::move(taken.value()));
    }
    if (channel_.size_events() != seen.delivered.size()) {
      problem("counts " + std::to_string(channel_.size_events()) + " events, holds " +
              std::to_string(seen.delivered.size()));
    }
    for (const auto& transaction : open) {
      if (is_committed) {
        if (!transaction->commit().has_value()) problem("cannot commit");
      } else {
        transaction->rollback();
      }
    }
    for (const std::string& text : seen.problems) problem(text);
    return seen.delivered;
  }

  [[nodiscard]] std::uint64_t lost_count() const {
    const RecordedMetrics metrics(channel_);
    return metrics.counters.at("lost_events_total");
  }

 private:
  void problem(const std::string& text) { outcome_.problems.push_back(text); }

  const BuiltStore& store_;
  Outcome& outcome_;
  FakeClock clock_;
  channel::FileChannel channel_;
  bool is_open_ = false;
};

std::string listed(const Sequences& sequences) {
  std::string text;
  for (auto at = sequences.begin(); at != sequences.end();) {
    const std::uint64_t first = *at;
    std::uint64_t last = first;
    for (++at; at != sequences.end() && *at == last + 1; ++at) ++last;
    text += " " + std::to_string(first);
    if (last != first) text += "-" + std::to_string(last);
  }
  return text.empty() ? " none" : text;
}

Sequences minus(const Sequences& a, const Sequences& b) {
  Sequences left;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::inserter(left, left.end()));
  return left;
}

Sequences both(const Sequences& a, const Sequences& b) {
  Sequences common;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(),
                        std::inserter(common, common.end()));
  return common;
}

}  // namespace

ManifestStore::Loaded EngineReading::load(FlatDisk& disk) {
  const auto directory = disk.open_directory(kCheckpointPath, io::FileSystem::Missing::kFail);
  const auto loaded = ManifestStore(*directory.value()).load(ManifestStore::Access::kReadOnly);
  CHECK(loaded.has_value());
  return loaded.value();
}

Outcome EngineReading::read(FlatDisk& disk) const {
  Outcome outcome;
  const auto directory = disk.open_directory(kDataPath, io::FileSystem::Missing::kFail);
  const wal::LogOptions options = atlas_options().log;
  wal::SlotPool slots({directory.value().get()}, options, io::OpenMode::kRead);
  CHECK(slots.open().has_value());
  const ManifestStore::Loaded manifests = manifests_ ? *manifests_ : load(disk);
  const auto result = checkpoint::recover_log(manifests, slots, options, {});
  if (!result.has_value()) {
    outcome.problems.push_back("cannot recover: " + to_string(result.error()));
    return outcome;
  }
  const checkpoint::RecoveredLog& log = result.value();
  for (const Finding& finding : log.findings) {
    if (finding.kind == Finding::Kind::kLost) add_range(outcome.lost, finding.lost.entries);
  }
  outcome.lost_count = log.lost_entries;
  wal::SegmentTable segments;
  for (const wal::Segment& segment : log.segments) segments.append(segment);
  wal::BlockCache cache(0);
  wal::LogReader reader(log.channel_id, options, slots, segments, cache);
  const checkpoint::ReadPosition from = log.first_unread();
  reader.seek(from.lsn, from.sequence);
  checkpoint::AckState acks = log.acks;
  while (true) {
    const auto step = reader.next(log.end);
    if (!step.has_value()) {
      outcome.problems.push_back("cannot read: " + to_string(step.error()));
      return outcome;
    }
    if (step.value().lost) {
      add_range(outcome.lost, step.value().lost->entries);
      outcome.lost_count += acks.add(step.value().lost->entries);
    } else if (step.value().reclaimed) {
      const bool is_silent = acks.covers(step.value().reclaimed->entries);
      if (!is_silent) add_range(outcome.lost, step.value().reclaimed->entries);
      outcome.lost_count += acks.add(step.value().reclaimed->entries);
    } else if (step.value().block) {
      note_block(store_, *step.value().block, log.acks, outcome);
    } else {
      return outcome;
    }
  }
}

Outcome read_with_channel(const BuiltStore& store, FlatDisk& disk) {
  Outcome outcome;
  {
    ChannelReading first(store, disk, outcome);
    if (!first.is_open()) return outcome;
    outcome.delivered = first.take_all(/*is_committed=*/false);
    outcome.lost_count = first.lost_count();
  }
  {
    ChannelReading second(store, disk, outcome);
    if (!second.is_open()) return outcome;
    if (second.take_all(/*is_committed=*/true) != outcome.delivered) {
      outcome.problems.emplace_back("the second start delivers something else");
    }
    if (second.lost_count() != outcome.lost_count) {
      outcome.problems.emplace_back("the second start reports another loss");
    }
  }
  ChannelReading third(store, disk, outcome);
  if (!third.is_open()) return outcome;
  if (!third.take_all(/*is_committed=*/true).empty()) {
    outcome.problems.emplace_back("the third start delivers what was acknowledged");
  }
  if (third.lost_count() != outcome.lost_count) {
    outcome.problems.emplace_back("the third start reports another loss");
  }
  return outcome;
}

std::string difference(const Expectation& expected, const Outcome& outcome) {
  std::string text;
  for (const std::string& problem : outcome.problems) text += problem + "\n";
  const Sequences delivered(outcome.delivered.begin(), outcome.delivered.end());
  Sequences extra = minus(minus(delivered, expected.delivered), expected.may_come_again);
  // Segments that were drained before may come again with the rest.
  if (expected.may_repeat) extra = both(extra, expected.lost);
  const Sequences missing = minus(expected.delivered, delivered);
  if (!missing.empty()) text += "not delivered:" + listed(missing) + "\n";
  if (!extra.empty()) text += "delivered, but not expected:" + listed(extra) + "\n";
  if (!outcome.lost.empty()) {
    Sequences wanted = expected.lost;
    wanted.insert(expected.delivered.begin(), expected.delivered.end());
    wanted.insert(expected.unprovable.begin(), expected.unprovable.end());
    const Sequences reported = both(outcome.lost, wanted);
    if (reported != expected.lost) {
      text += "reported lost:" + listed(reported) + ", really lost:" + listed(expected.lost) + "\n";
    }
  }
  if (!expected.may_repeat && outcome.lost_count != expected.lost.size()) {
    text += "counted lost: " + std::to_string(outcome.lost_count) +
            ", really lost: " + std::to_string(expected.lost.size()) + "\n";
  }
  return text;
}

}  // namespace spillway::test
