// How far a replay is, in a file of its own: it goes on there after an interruption.
#pragma once

#include <optional>
#include <string>

#include "checkpoint/ack_state.h"
#include "wal/base/result.h"
#include "wal/block.h"
#include "wal/position.h"

namespace spillway::agent::recover {

class ReplayState {
 public:
  /// Nothing has been sent yet.
  ReplayState(std::string path, const wal::ChannelId& channel)
      : path_(std::move(path)), channel_(channel) {}

  /// What the file says; it need not exist. kCorrupt: it is none, or that of another channel.
  Result<void> load();

  /// Notes that these are done with: sent, or not to be sent. Durable when it returns.
  Result<void> add(wal::SequenceRange done);

  [[nodiscard]] const checkpoint::AckState& done() const { return done_; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  Result<void> store() const;

  const std::string path_;
  const wal::ChannelId channel_;
  checkpoint::AckState done_;
};

}  // namespace spillway::agent::recover
