// What producers and consumers in other processes were promised, and when: the oracle of the kernel
// tests. Lives in shared memory, so that it survives a SIGKILL at any instruction.
//
// Time is counted in operations that the disk has done: a promise given at moment m counts for a
// crash at moment n >= m. Tests without a recorded disk leave all moments 0.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/kernel/shared_memory.h"

namespace spillway::test {

using Moment = std::uint64_t;

constexpr std::size_t kLedgerProducers = 2;
constexpr std::size_t kBatchEventsMax = 16;

struct LedgerEvent {
  std::uint32_t producer = 0;
  std::uint32_t batch = 0;
  std::uint32_t index = 0;
  friend auto operator<=>(const LedgerEvent&, const LedgerEvent&) = default;
};

/// Written by one producer and one consumer at a time per event; judged when they have ended.
class Ledger {
 public:
  explicit Ledger(std::size_t batches_max = 4096)
      : batches_max_(batches_max), rows_(kLedgerProducers * batches_max) {}

  /// Nothing was promised.
  void clear();

  /// The bodies of the next batch of `producer`, to be put now.
  std::vector<std::string> begin_put(std::uint32_t producer, std::uint32_t event_count,
                                     std::uint32_t body_bytes, Moment now);
  /// That put returned success.
  void acknowledge_last(std::uint32_t producer, Moment now);
  /// The commit of a take of these is about to be called.
  void begin_take(const std::vector<std::string>& bodies, Moment now);
  /// It has returned, and what it did is durable.
  void settle(const std::vector<std::string>& bodies, Moment now);

  /// What is wrong with `there`, the events of a channel after a crash at moment `crash`, in the
  /// order of their delivery; empty when every promise is kept:
  ///   - every acknowledged put is there, but for what may have been taken;
  ///   - nothing is there that was not put, nothing twice, each producer's events are in order;
  ///   - a batch is there whole or not at all, but for what may have been taken;
  ///   - nothing that is settled comes back.
  [[nodiscard]] std::string broken_promise(const std::vector<std::string>& there,
                                           Moment crash) const;

  /// A start that kept the promises has found these and nothing else: from `now` on what is there
  /// stays until it is taken, and what is not there is gone for ever.
  void adopt(const std::vector<std::string>& there, Moment now);

  /// Takes of these that were begun count for nothing: adopt() has found them there. No earlier
  /// crash will be judged any more.
  void forget_takes(const std::vector<std::string>& there);

  [[nodiscard]] std::uint64_t acknowledged_batches() const { return counts_->acknowledged; }
  [[nodiscard]] std::uint64_t settled_events() const { return counts_->settled; }
  [[nodiscard]] bool has_room() const { return last_batch() + 1 < batches_max_; }

 private:
  // A moment + 1; 0: it has not happened.
  using Mark = std::atomic<std::uint64_t>;

  struct EventRow {
    Mark take_begun;
    Mark settled;
  };
  struct BatchRow {
    std::atomic<std::uint32_t> event_count;
    std::atomic<std::uint32_t> body_bytes;
    Mark put_begun;
    Mark acknowledged;
    std::array<EventRow, kBatchEventsMax> events;
  };
  struct Counts {
    std::array<std::atomic<std::uint32_t>, kLedgerProducers> batches;
    std::array<std::atomic<std::uint32_t>, kLedgerProducers> first_open;  // all before are settled
    std::atomic<std::uint64_t> acknowledged;
    std::atomic<std::uint64_t> settled;
  };

  static bool is_by(const Mark& mark, Moment crash) { return mark != 0 && mark - 1 <= crash; }
  [[nodiscard]] std::uint32_t last_batch() const;
  [[nodiscard]] BatchRow& row(std::uint32_t producer, std::uint32_t batch) const {
    return rows_.all()[producer * batches_max_ + batch];
  }
  [[nodiscard]] std::string body(const LedgerEvent& event) const;
  [[nodiscard]] std::optional<LedgerEvent> parse(std::string_view body) const;
  [[nodiscard]] std::vector<LedgerEvent> parse_all(const std::vector<std::string>& bodies) const;
  void judge_batch(std::uint32_t producer, std::uint32_t batch,
                   const std::vector<LedgerEvent>& there, Moment crash, std::string& wrong) const;

  const std::size_t batches_max_;
  SharedMemory<BatchRow> rows_;
  SharedMemory<Counts> counts_;
};

}  // namespace spillway::test
