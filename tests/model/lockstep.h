// Runs a channel and the model side by side, and shrinks a sequence of steps on which they differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "channel/channel.h"
#include "tests/model/channel_model.h"
#include "tests/support/channel_kind.h"
#include "wal/base/random.h"

namespace spillway::test {

/// One operation with its parameters. Any subsequence of a sequence makes sense: a step that finds
/// no open transaction does nothing.
struct Step {
  enum class Kind : std::uint8_t { kPut, kTake, kCommit, kRollback, kAbandon, kReopen };

  Kind kind = Kind::kPut;
  std::uint64_t amount = 0;  // kPut, kTake: events
  std::uint64_t pick = 0;    // kCommit, kRollback, kAbandon: which open transaction, modulo

  [[nodiscard]] std::string text() const;
};

std::vector<Step> random_steps(Random& random, std::size_t count, const ChannelLimits& limits);

/// Owns one channel in a home of its own and the model of it.
class Lockstep {
 public:
  Lockstep(std::unique_ptr<ChannelHome> home, const ChannelLimits& limits);
  Lockstep(const Lockstep&) = delete;
  Lockstep& operator=(const Lockstep&) = delete;
  ~Lockstep();

  /// What channel and model disagree about after the step; nullopt when nothing.
  std::optional<std::string> apply(const Step& step);

  /// Rolls back what is open, drains both and compares.
  std::optional<std::string> finish();

 private:
  std::optional<std::string> put(std::uint64_t count);
  std::optional<std::string> take(std::uint64_t events_max);
  std::optional<std::string> end(const Step& step);
  std::optional<std::string> reopen();
  std::optional<std::string> compare() const;
  void close();

  const std::unique_ptr<ChannelHome> home_;
  const ChannelLimits limits_;

  ChannelModel model_;
  std::unique_ptr<channel::Channel> channel_;
  std::vector<std::unique_ptr<channel::TakeTransaction>> open_;  // as in the model
  std::uint64_t next_body_ = 0;
};

/// Runs all steps and finish(); what went wrong, or nullopt.
std::optional<std::string> run_steps(std::unique_ptr<ChannelHome> home, const ChannelLimits& limits,
                                     const std::vector<Step>& steps);

/// Leaves out steps for as long as `fails` stays true; `fails(steps)` must be true.
std::vector<Step> shrink(std::vector<Step> steps,
                         const std::function<bool(const std::vector<Step>&)>& fails);

}  // namespace spillway::test
