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

/// A batch's stay in a flow.
class ChannelProcessor::Entry {
 public:
  Entry(ChannelProcessor& processor, std::shared_ptr<Flow> flow)
      : processor_(processor), flow_(std::move(flow)) {}
  Entry(const Entry&) = delete;
  Entry& operator=(const Entry&) = delete;
  ~Entry() { processor_.leave(*flow_); }

  [[nodiscard]] const ProcessorFlow& flow() const { return flow_->parts; }

 private:
  ChannelProcessor& processor_;
  const std::shared_ptr<Flow> flow_;
};

ChannelProcessor::ChannelProcessor(std::string source_name, std::vector<LiveChannel*> channels,
                                   std::unique_ptr<ChannelSelector> selector,
                                   std::unique_ptr<InterceptorChain> interceptors)
    : source_name_(std::move(source_name)),
      flow_(std::make_shared<Flow>(
          Flow{{std::move(channels), std::move(selector), std::move(interceptors)}})) {
  CHECK(flow_->parts.selector != nullptr);
}

void ChannelProcessor::replace(ProcessorFlow flow) {
  CHECK(flow.selector != nullptr);
  auto next = std::make_shared<Flow>(Flow{std::move(flow)});
  MutexLock lock(mutex_);
  const std::shared_ptr<Flow> former = std::exchange(flow_, std::move(next));
  is_paused_ = false;
  changed_.notify_all();
  while (former->batches_inside > 0) changed_.wait(lock);
}

void ChannelProcessor::pause() {
  MutexLock lock(mutex_);
  is_paused_ = true;
  while (flow_->batches_inside > 0) changed_.wait(lock);
}

Result<std::shared_ptr<ChannelProcessor::Flow>> ChannelProcessor::enter() {
  const auto deadline = std::chrono::steady_clock::now() + kPauseMax;
  MutexLock lock(mutex_);
  while (is_paused_) {
    const auto left = deadline - std::chrono::steady_clock::now();
    if (left <= left.zero()) {
      required_failures_.add();
      return Error{.code = Errc::kUnavailable, .what = "the channels are being replaced"};
    }
    changed_.wait_for(lock, left);
  }
  ++flow_->batches_inside;
  return flow_;
}

void ChannelProcessor::leave(Flow& flow) {
  const MutexLock lock(mutex_);
  --flow.batches_inside;
  // Whoever waits for the end of a flow has paused or replaced it.
  if (flow.batches_inside == 0 && (is_paused_ || &flow != flow_.get())) changed_.notify_all();
}

std::shared_ptr<const InterceptorChain> ChannelProcessor::interceptors() const {
  const MutexLock lock(mutex_);
  return {flow_, flow_->parts.interceptors.get()};
}

Result<void> ChannelProcessor::receive(const channel::EventBatch& batch) {
  if (batch.is_empty()) return {};
  auto entered = enter();
  if (!entered.has_value()) return entered.error();
  const Entry entry(*this, std::move(entered.value()));
  const ProcessorFlow& flow = entry.flow();
  if (flow.interceptors == nullptr) {
    TRY(put(flow, batch));
  } else {
    TRY(flow.interceptors->begin_batch());
    const auto pass = flow.interceptors->intercept(batch);
    for (const InterceptorChain::Rejected& rejected : pass.rejected()) {
      if (!rejected.events.is_empty()) {
        TRY(put_required(*flow.channels[rejected.channel], rejected.events));
      }
    }
    if (!pass.kept().is_empty()) TRY(put(flow, pass.kept()));
  }
  accepted_batches_.add();
  batch_events_.record(batch.size());
  return {};
}

Result<std::optional<std::string>> ChannelProcessor::bookmark(std::string_view key) const {
  std::shared_ptr<Flow> flow;
  {
    const MutexLock lock(mutex_);
    flow = flow_;
  }
  if (flow->parts.channels.size() != 1) return EventReceiver::bookmark(key);
  return flow->parts.channels.front()->bookmark(key);
}

Result<void> ChannelProcessor::put(const ProcessorFlow& flow, const channel::EventBatch& batch) {
  if (const Route* const common = flow.selector->common_route()) {
    return put_alike(flow, batch, *common);
  }
  std::vector<const Route*> routes;
  routes.reserve(batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) routes.push_back(&flow.selector->route(batch[i]));
  const Route* const first = routes.front();
  const bool is_alike = std::all_of(routes.begin(), routes.end(),
                                    [first](const Route* route) { return route == first; });
  if (!is_alike) return put_by_event(flow, batch, routes);
  if (is_nowhere(*first)) unrouted_events_.add(batch.size());
  return put_alike(flow, batch, *first);
}

Result<void> ChannelProcessor::put_alike(const ProcessorFlow& flow,
                                         const channel::EventBatch& batch, const Route& route) {
  for (const std::size_t index : route.required) TRY(put_required(*flow.channels[index], batch));
  for (const std::size_t index : route.optional) put_optional(*flow.channels[index], batch);
  return {};
}

Result<void> ChannelProcessor::put_by_event(const ProcessorFlow& flow,
                                            const channel::EventBatch& batch,
                                            const std::vector<const Route*>& routes) {
  std::vector<channel::EventBatch> required(flow.channels.size());
  std::vector<channel::EventBatch> optional(flow.channels.size());
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const channel::EventView event = batch[i];
    for (const std::size_t index : routes[i]->required) required[index].add(event);
    for (const std::size_t index : routes[i]->optional) optional[index].add(event);
    if (is_nowhere(*routes[i])) unrouted_events_.add();
  }
  if (const auto bookmark = batch.bookmark(); bookmark && flow.channels.size() == 1) {
    required.front().set_bookmark(*bookmark);
  }
  for (std::size_t i = 0; i < flow.channels.size(); ++i) {
    if (!required[i].is_empty()) TRY(put_required(*flow.channels[i], required[i]));
  }
  for (std::size_t i = 0; i < flow.channels.size(); ++i) {
    if (!optional[i].is_empty()) put_optional(*flow.channels[i], optional[i]);
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
