// ChannelProcessor: what stands behind a source, as its EventReceiver.
//
// Sends a batch through the interceptors, asks the selector where its events go and puts them
// there, one transaction per channel. The source keeps Flume's counters; this keeps what only this
// place knows. Flume: ChannelProcessor.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/component.h"
#include "agent/interceptor_chain.h"
#include "agent/live_channel.h"
#include "agent/selectors/channel_selector.h"

namespace spillway::agent {

/// Thread-safe as far as the channels and the selector are.
///
/// Required channels are tried in their order until one fails: those before it have committed, so
/// the source's retry puts their events there twice. Optional channels are tried only after every
/// required one has committed, and never fail the source. Events that interceptors reject to a
/// channel of their own are put there first: when that fails nothing else has committed.
class ChannelProcessor final : public EventReceiver {
 public:
  /// `channels` outlive the processor and are what the indices of the selector and the interceptors
  /// refer to. `interceptors` may be nullptr.
  ChannelProcessor(std::string source_name, std::vector<LiveChannel*> channels,
                   std::unique_ptr<ChannelSelector> selector,
                   std::unique_ptr<InterceptorChain> interceptors = nullptr);

  /// An empty batch is accepted and reaches no channel.
  Result<void> receive(const channel::EventBatch& batch) override;

  /// Thread-safe.
  void collect(MetricSink& sink) const;
  [[nodiscard]] const InterceptorChain* interceptors() const { return interceptors_.get(); }

 private:
  Result<void> put(const channel::EventBatch& batch);
  Result<void> put_alike(const channel::EventBatch& batch, const Route& route);
  Result<void> put_by_event(const channel::EventBatch& batch,
                            const std::vector<const Route*>& routes);
  Result<void> put_required(LiveChannel& to, const channel::EventBatch& batch);
  void put_optional(LiveChannel& to, const channel::EventBatch& batch);

  const std::string source_name_;
  const std::vector<LiveChannel*> channels_;
  const std::unique_ptr<ChannelSelector> selector_;
  const std::unique_ptr<InterceptorChain> interceptors_;

  Counter accepted_batches_;
  Counter required_failures_;
  Counter optional_failures_;
  Counter unrouted_events_;
  Histogram batch_events_;
};

}  // namespace spillway::agent
