#include "agent/dead_letter_channel.h"

#include <utility>
#include <vector>

namespace spillway::agent {
namespace {

constexpr std::size_t kReasonBytesMax = 1000;  // a store may answer with a page

}  // namespace

DeadLetterChannel::DeadLetterChannel(std::string sink_name, std::shared_ptr<LiveChannel> channel,
                                     const Clock& clock)
    : sink_name_(std::move(sink_name)), channel_(std::move(channel)), clock_(clock) {}

Result<void> DeadLetterChannel::add(std::span<const channel::EventView> batch,
                                    std::span<const RefusedEvent> refused) {
  const std::string time = std::to_string(clock_.wall_ms());
  const auto capacity = static_cast<std::size_t>(channel_->channel().transaction_capacity());
  channel::EventBatch letters;
  std::vector<channel::HeaderView> headers;
  for (const RefusedEvent& event : refused) {
    const channel::EventView& view = batch[event.index];
    headers.clear();
    view.for_each_header([&headers](const channel::HeaderView& header) {
      const bool is_ours = header.key == kDeadLetterReason || header.key == kDeadLetterSink ||
                           header.key == kDeadLetterTime;
      if (!is_ours) headers.push_back(header);
    });
    headers.push_back(
        {kDeadLetterReason, std::string_view(event.reason).substr(0, kReasonBytesMax)});
    headers.push_back({kDeadLetterSink, sink_name_});
    headers.push_back({kDeadLetterTime, time});
    letters.add(headers, view.body());
    if (letters.size() < capacity) continue;
    TRY(channel_->put(letters));
    letters.clear();
  }
  return letters.is_empty() ? Result<void>() : channel_->put(letters);
}

}  // namespace spillway::agent
