// LiveChannel: a channel, its name, and whether it may be used at this moment.
//
// The supervisor starts and stops it; sources put through it; the status port looks at it at any
// time, also while the channel recovers or closes.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "agent/fill_trend.h"
#include "agent/open_flag.h"
#include "channel/channel.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// Thread-safe, except that start() and stop() belong to one thread at a time.
class LiveChannel {
 public:
  LiveChannel(std::string name, std::string type, std::unique_ptr<channel::Channel> channel);

  Result<void> start();

  /// No put and no take may be under way any more. Idempotent.
  void stop();

  /// kClosed while the channel is not open.
  Result<void> put(const channel::EventBatch& batch);

  /// As Channel::bookmark(); kClosed while the channel is not open.
  [[nodiscard]] Result<std::optional<std::string>> bookmark(std::string_view key) const;

  /// Calls `look(const Channel&)` unless the channel is starting, stopping or stopped.
  template <class Look>
  void while_open(Look&& look) const {
    open_.while_set([&] { look(std::as_const(*channel_)); });
  }

  /// See FillTrend.
  [[nodiscard]] double seconds_to_full(std::uint64_t now_ns, std::uint64_t events) const {
    return fill_trend_.seconds_to_full(now_ns, events, channel_->capacity_events());
  }

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const std::string& type() const { return type_; }

  /// For the sink runners, which live between start() and stop(), and for counters.
  [[nodiscard]] channel::Channel& channel() { return *channel_; }
  [[nodiscard]] const channel::Channel& channel() const { return *channel_; }

 private:
  const std::string name_;
  const std::string type_;
  const std::unique_ptr<channel::Channel> channel_;
  OpenFlag open_;
  mutable FillTrend fill_trend_;
};

}  // namespace spillway::agent
