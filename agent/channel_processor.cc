#include "agent/channel_processor.h"

#include <algorithm>
#include <utility>

#include "wal/base/log.h"

namespace spillway::agent {
namespace {

bool is_nowhere(const Route& route) {
  return route.required.empty() && route.optional.empty();
}

}  // namespace

ChannelProcessor::ChannelProcessor(std::string source_name, std::vector<LiveChannel*> channels,
                                   std::unique_ptr<ChannelSelector> selector,
                                   std::unique_ptr<InterceptorChain> interceptors)
    : source_name_(std::move(source_name)),
      channels_(std::move(channels)),
      selector_(std::move(selector)),
      interceptors_(std::move(interceptors)) {
  CHECK(selector_ != nullptr);
}

Result<void> ChannelProcessor::receive(const channel::EventBatch& batch) {
  if (batch.is_empty()) return {};
  if (interceptors_ == nullptr) {
    TRY(put(batch));
  } else {
    TRY(interceptors_->begin_batch());
    const auto pass = interceptors_->intercept(batch);
    for (const InterceptorChain::Rejected& rejected : pass.rejected()) {
      if (!rejected.events.is_empty()) {
        TRY(put_required(*channels_[rejected.channel], rejected.events));
      }
    }
    if (!pass.kept().is_empty()) TRY(put(pass.kept()));
  }
  accepted_batches_.add();
  batch_events_.record(batch.size());
  return {};
}

Result<void> ChannelProcessor::put(const channel::EventBatch& batch) {
  if (const Route* const common = selector_->common_route()) return put_alike(batch, *common);
  std::vector<const Route*> routes;
  routes.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) routes.push_back(&selector_->route(batch[i]));
  const Route* const first = routes.front();
  const bool is_alike = std::all_of(routes.begin(), routes.end(),
                                    [first](const Route* route) { return route == first; });
  if (!is_alike) return put_by_event(batch, routes);
  if (is_nowhere(*first)) unrouted_events_.add(batch.size());
  return put_alike(batch, *first);
}

Result<void> ChannelProcessor::put_alike(const channel::EventBatch& batch, const Route& route) {
  for (const std::size_t index : route.required) TRY(put_required(*channels_[index], batch));
  for (const std::size_t index : route.optional) put_optional(*channels_[index], batch);
  return {};
}

Result<void> ChannelProcessor::put_by_event(const channel::EventBatch& batch,
                                            const std::vector<const Route*>& routes) {
  std::vector<channel::EventBatch> required(channels_.size());
  std::vector<channel::EventBatch> optional(channels_.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const channel::EventView event = batch[i];
    for (const std::size_t index : routes[i]->required) required[index].add(event);
    for (const std::size_t index : routes[i]->optional) optional[index].add(event);
    if (is_nowhere(*routes[i])) unrouted_events_.add();
  }
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (!required[i].is_empty()) TRY(put_required(*channels_[i], required[i]));
  }
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    if (!optional[i].is_empty()) put_optional(*channels_[i], optional[i]);
  }
  return {};
}

Result<void> ChannelProcessor::put_required(LiveChannel& to, const channel::EventBatch& batch) {
  auto put = to.put(batch);
  // Not logged: the source decides whether this is back-pressure or a loss, and says so.
  if (!put.has_value()) required_failures_.add();
  return put;
}

void ChannelProcessor::put_optional(LiveChannel& to, const channel::EventBatch& batch) {
  const auto put = to.put(batch);
  if (put.has_value()) return;
  optional_failures_.add();
  log_warn("source.optional_channel_failed", "an optional channel did not take a batch",
           {{"source", source_name_},
            {"channel", to.name()},
            {"events", batch.size()},
            {"error", put.error()}});
}

void ChannelProcessor::collect(MetricSink& sink) const {
  sink.counter("accepted_batches_total", "Batches that every required channel committed.",
               accepted_batches_.value());
  sink.counter("required_channel_failures_total", "Puts that a required channel refused.",
               required_failures_.value());
  sink.counter("optional_channel_failures_total",
               "Puts that an optional channel refused; their events did not reach it.",
               optional_failures_.value());
  sink.counter("unrouted_events_total", "Events the selector sent to no channel.",
               unrouted_events_.value());
  sink.histogram("batch_events", "Events per accepted batch.", batch_events_);
}

}  // namespace spillway::agent
