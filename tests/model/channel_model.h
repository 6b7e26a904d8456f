// A channel so naive that it is obviously right: the reference for channel_model_test.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/channel_kind.h"
#include "wal/base/result.h"

namespace spillway::test {

/// Not thread-safe. Every event is an entry of a map from its place in the order to its body.
class ChannelModel {
 public:
  ChannelModel(const ChannelLimits& limits, std::uint64_t byte_slots_max)
      : limits_(limits), byte_slots_max_(byte_slots_max) {}

  /// Why the channel has to refuse the batch, or nullopt after adding it.
  std::optional<Errc> put(const std::vector<std::string>& bodies) {
    if (bodies.empty()) return std::nullopt;
    if (bodies.size() > limits_.transaction_capacity_events) return Errc::kTooLarge;
    std::uint64_t slots = 0;
    for (const std::string& body : bodies) slots += slots_of(body);
    if (slots > byte_slots_max_) return Errc::kTooLarge;
    if (size_events() + bodies.size() > limits_.capacity_events) return Errc::kFull;
    if (used_slots() + slots > byte_slots_max_) return Errc::kFull;
    for (const std::string& body : bodies) queued_.emplace(next_++, body);
    put_count_ += bodies.size();
    return std::nullopt;
  }

  /// Opens a transaction and returns its bodies.
  std::vector<std::string> take(std::size_t events_max) {
    Events taken;
    std::vector<std::string> bodies;
    while (taken.size() < events_max && !queued_.empty()) {
      bodies.push_back(queued_.begin()->second);
      taken.insert(queued_.extract(queued_.begin()));
    }
    open_.push_back(std::move(taken));
    return bodies;
  }

  void commit(std::size_t transaction) {
    committed_count_ += open_.at(transaction).size();
    forget(transaction);
  }
  void rollback(std::size_t transaction) {
    queued_.merge(open_.at(transaction));
    forget(transaction);
  }

  /// Stop and start, which no open transaction survives.
  void reopen(bool is_durable) {
    while (!open_.empty()) rollback(0);
    if (!is_durable) queued_.clear();
    put_count_ = 0;
    committed_count_ = 0;
  }

  [[nodiscard]] std::size_t open_count() const { return open_.size(); }
  [[nodiscard]] std::uint64_t put_count() const { return put_count_; }  // since the last reopen
  [[nodiscard]] std::uint64_t committed_count() const { return committed_count_; }
  [[nodiscard]] std::uint64_t size_events() const {
    std::uint64_t size = queued_.size();
    for (const Events& taken : open_) size += taken.size();
    return size;
  }

 private:
  using Events = std::map<std::uint64_t, std::string>;

  static std::uint64_t slots_of(const std::string& body) { return (body.size() + 99) / 100; }
  static std::uint64_t slots_of(const Events& events) {
    std::uint64_t slots = 0;
    for (const auto& [place, body] : events) slots += slots_of(body);
    return slots;
  }
  [[nodiscard]] std::uint64_t used_slots() const {
    std::uint64_t slots = slots_of(queued_);
    for (const Events& taken : open_) slots += slots_of(taken);
    return slots;
  }
  void forget(std::size_t transaction) {
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(transaction));
  }

  const ChannelLimits limits_;
  const std::uint64_t byte_slots_max_;

  std::uint64_t next_ = 0;
  Events queued_;
  std::vector<Events> open_;
  std::uint64_t put_count_ = 0;
  std::uint64_t committed_count_ = 0;
};

}  // namespace spillway::test
