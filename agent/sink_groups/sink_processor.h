// SinkProcessor: which sink of a group works; and how a type of them is described.
//
// A group has one thread (SinkRunner), so at most one of its sinks works at a time. Flume:
// SinkProcessor.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/component.h"
#include "agent/option_problem.h"
#include "agent/sink_pump.h"

namespace spillway::agent {

enum class SinkState : std::uint8_t {
  kWaiting,    // has not started
  kStandby,    // could work
  kLive,       // worked in the last round
  kPenalised,  // failed and is left out for a while
};

/// "waiting", "standby", "live", "penalised".
std::string_view sink_state_name(SinkState state);

/// process() belongs to one thread; states() is thread-safe. A sink that has not started is passed
/// over, and takes part as soon as it has.
class SinkProcessor {
 public:
  /// `pumps` outlive the processor; at least one.
  explicit SinkProcessor(std::vector<SinkPump*> pumps);
  SinkProcessor(const SinkProcessor&) = delete;
  SinkProcessor& operator=(const SinkProcessor&) = delete;
  virtual ~SinkProcessor() = default;

  /// One round: tries sinks until one does not fail. The error is that of the last one tried.
  virtual Result<Round> process(const RoundOptions& options, const StopSignal& stop) = 0;

  [[nodiscard]] const std::vector<SinkPump*>& pumps() const { return pumps_; }

  /// Parallel to pumps().
  [[nodiscard]] std::vector<SinkState> states() const;

 protected:
  Result<Round> run(std::size_t index, const RoundOptions& options, const StopSignal& stop);
  [[nodiscard]] bool is_open(std::size_t index) const { return pumps_[index]->is_open(); }
  void set_penalised(std::size_t index, bool is_penalised);

 private:
  const std::vector<SinkPump*> pumps_;
  // For the status port; orders nothing.
  const std::unique_ptr<std::atomic<bool>[]> are_penalised_;
  std::atomic<std::size_t> live_;
};

struct SinkProcessorContext {
  std::string group;
  std::vector<SinkPump*> pumps;  // in the order of the group's list
  const Clock* clock = nullptr;
  std::uint64_t seed = 1;
};

struct SinkProcessorType {
  std::string_view name;                // the value of `processor.type`, matched in any case
  std::string_view java_class;          // Flume's class name, accepted too
  std::string_view help;                // one sentence
  std::span<const OptionSpec> options;  // without the prefix `processor.`
  /// Rules beyond the type of each value, knowing the names of the group's sinks.
  std::vector<OptionProblem> (*check)(const Config& config,
                                      const std::vector<std::string>& sinks) = nullptr;
  std::unique_ptr<SinkProcessor> (*create)(const SinkProcessorContext& context,
                                           const Config& config) = nullptr;
};

}  // namespace spillway::agent
