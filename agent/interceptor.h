// Interceptor: changes or drops events between a source and its selector; and how a type of them is
// described.
//
// InterceptorChain calls them in the order of the configuration. Flume: Interceptor.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "agent/component.h"
#include "agent/event_draft.h"
#include "agent/option_problem.h"

namespace spillway::agent {

/// Thread-safe: an event-driven source may hand over batches from many threads.
class Interceptor {
 public:
  Interceptor() = default;
  Interceptor(const Interceptor&) = delete;
  Interceptor& operator=(const Interceptor&) = delete;
  virtual ~Interceptor() = default;

  enum class Verdict : std::uint8_t { kKeep, kDrop };

  /// Once before the events of a batch: for what need not be done for each of them. An error
  /// refuses the batch, which the source keeps or repeats.
  virtual Result<void> begin_batch() { return {}; }

  virtual Verdict intercept(EventDraft& event) = 0;

  virtual void collect(MetricSink&) const {}
};

struct InterceptorType {
  std::string_view name;        // the value of `type`, matched in any case
  std::string_view java_class;  // Flume's class name, accepted too, with or without "$Builder"
  std::string_view help;        // one sentence
  std::span<const OptionSpec> options;
  bool can_drop = false;  // may answer kDrop
  /// Rules beyond the type of each value; optional.
  std::vector<OptionProblem> (*check)(const Config& config) = nullptr;
  /// `config` has passed check(); touches neither network nor files.
  std::unique_ptr<Interceptor> (*create)(const ComponentContext& context,
                                         const Config& config) = nullptr;
};

}  // namespace spillway::agent
