#include "agent/live_channel.h"

#include <utility>

namespace spillway::agent {

LiveChannel::LiveChannel(std::string name, std::string type,
                         std::unique_ptr<channel::Channel> channel)
    : name_(std::move(name)), type_(std::move(type)), channel_(std::move(channel)) {
  CHECK(channel_ != nullptr);
}

Result<void> LiveChannel::start() {
  TRY(channel_->start());
  open_.set(true);
  return {};
}

void LiveChannel::stop() {
  open_.set(false);
  channel_->stop();
}

Result<void> LiveChannel::put(const channel::EventBatch& batch) {
  if (!open_.is_set()) return Error{.code = Errc::kClosed, .what = "channel is not started"};
  return channel_->put(batch);
}

}  // namespace spillway::agent
