// `default` processor: one sink and no policy. Every sink outside a group has one.
//
// Source: Flume's DefaultSinkProcessor.
#pragma once

#include "agent/sink_groups/sink_processor.h"

namespace spillway::agent {

class DefaultProcessor final : public SinkProcessor {
 public:
  explicit DefaultProcessor(SinkPump& pump) : SinkProcessor({&pump}) {}

  Result<Round> process(const RoundOptions& options, const StopSignal& stop) override {
    return run(0, options, stop);
  }
};

}  // namespace spillway::agent
