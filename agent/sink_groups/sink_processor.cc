#include "agent/sink_groups/sink_processor.h"

#include <array>
#include <utility>

#include "wal/base/check.h"

namespace spillway::agent {

std::string_view sink_state_name(SinkState state) {
  constexpr std::array<std::string_view, 4> kNames{"waiting", "standby", "live", "penalised"};
  return kNames.at(static_cast<std::size_t>(state));
}

SinkProcessor::SinkProcessor(std::vector<SinkPump*> pumps)
    : pumps_(std::move(pumps)),
      are_penalised_(std::make_unique<std::atomic<bool>[]>(pumps_.size())),
      live_(pumps_.size()) {
  CHECK(!pumps_.empty());
}

std::vector<SinkState> SinkProcessor::states() const {
  std::vector<SinkState> states;
  const std::size_t live = live_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < pumps_.size(); ++i) {
    if (!is_open(i)) {
      states.push_back(SinkState::kWaiting);
    } else if (are_penalised_[i].load(std::memory_order_relaxed)) {
      states.push_back(SinkState::kPenalised);
    } else {
      states.push_back(i == live ? SinkState::kLive : SinkState::kStandby);
    }
  }
  return states;
}

Result<Round> SinkProcessor::run(std::size_t index, const RoundOptions& options,
                                 const StopSignal& stop) {
  auto round = pumps_[index]->run(options, stop);
  if (round.has_value()) live_.store(index, std::memory_order_relaxed);
  return round;
}

void SinkProcessor::set_penalised(std::size_t index, bool is_penalised) {
  are_penalised_[index].store(is_penalised, std::memory_order_relaxed);
}

}  // namespace spillway::agent
