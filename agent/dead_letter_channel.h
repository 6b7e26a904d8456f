// DeadLetterChannel: dead letters that go into a channel of the agent, with the reason in headers.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "agent/dead_letters.h"
#include "agent/live_channel.h"
#include "wal/base/clock.h"

namespace spillway::agent {

/// Headers that a dead letter has more than the event: why, from which sink, and when (milliseconds
/// since 1970). Those of an earlier refusal are replaced.
inline constexpr std::string_view kDeadLetterReason = "spillway.dead_letter.reason";
inline constexpr std::string_view kDeadLetterSink = "spillway.dead_letter.sink";
inline constexpr std::string_view kDeadLetterTime = "spillway.dead_letter.time";

/// As durable as the channel. A channel that does not take them fails the sink's batch, which comes
/// again: nothing is lost, and what was delivered of it is delivered twice.
class DeadLetterChannel final : public DeadLetters {
 public:
  /// `clock` outlives this.
  DeadLetterChannel(std::string sink_name, std::shared_ptr<LiveChannel> channel,
                    const Clock& clock);

  Result<void> add(std::span<const channel::EventView> batch,
                   std::span<const RefusedEvent> refused) override;

 private:
  const std::string sink_name_;
  const std::shared_ptr<LiveChannel> channel_;
  const Clock& clock_;
};

}  // namespace spillway::agent
