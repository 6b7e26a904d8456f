#include "agent/live_channel.h"

#include <utility>

namespace spillway::agent {
namespace {

constexpr Error kNotStarted{.code = Errc::kClosed, .what = "channel is not started"};

}  // namespace

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
  if (!open_.is_set()) return kNotStarted;
  return channel_->put(batch);
}

Result<std::optional<std::string>> LiveChannel::bookmark(std::string_view key) const {
  Result<std::optional<std::string>> kept = kNotStarted;
  while_open([&](const channel::Channel& channel) { kept = channel.bookmark(key); });
  return kept;
}

}  // namespace spillway::agent
