// ChannelProcessor: what stands behind a source, as its EventReceiver.
//
// Sends a batch through the interceptors, asks the selector where its events go and puts them
// there, one transaction per channel. The source keeps Flume's counters; this keeps what only this
// place knows. Flume: ChannelProcessor.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/component.h"
#include "agent/interceptor_chain.h"
#include "agent/live_channel.h"
#include "agent/selectors/channel_selector.h"
#include "wal/base/mutex.h"

namespace spillway::agent {

/// Where a source's events go and what happens to them before.
struct ProcessorFlow {
  std::vector<LiveChannel*> channels;  // what the indices of the two others refer to
  std::unique_ptr<ChannelSelector> selector;
  std::unique_ptr<InterceptorChain> interceptors = nullptr;  // may be nullptr
};

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

  /// An empty batch is accepted and reaches no channel. kUnavailable while paused for too long.
  Result<void> receive(const channel::EventBatch& batch) override;

  [[nodiscard]] Result<std::optional<std::string>> bookmark(std::string_view key) const override;

  /// Batches that come from now on take `flow`, and are let in again after a pause(). Returns once
  /// no batch is on its way through the former one. While the source runs.
  void replace(ProcessorFlow flow);

  /// Batches wait outside, for `kPauseMax` at most, until replace(). Returns once none is inside.
  void pause();

  /// As long as a full channel may hold up a source.
  static constexpr std::chrono::milliseconds kPauseMax{3000};

  /// Thread-safe.
  void collect(MetricSink& sink) const;
  /// nullptr when there are none.
  [[nodiscard]] std::shared_ptr<const InterceptorChain> interceptors() const;

 private:
  struct Flow {
    ProcessorFlow parts;
    std::size_t batches_inside = 0;  // guarded by mutex_
  };
  class Entry;  // keeps a flow from the time a batch enters it

  Result<std::shared_ptr<Flow>> enter();
  void leave(Flow& flow);
  Result<void> put(const ProcessorFlow& flow, const channel::EventBatch& batch);
  Result<void> put_alike(const ProcessorFlow& flow, const channel::EventBatch& batch,
                         const Route& route);
  Result<void> put_by_event(const ProcessorFlow& flow, const channel::EventBatch& batch,
                            const std::vector<const Route*>& routes);
  Result<void> put_required(LiveChannel& to, const channel::EventBatch& batch);
  void put_optional(LiveChannel& to, const channel::EventBatch& batch);

  const std::string source_name_;

  mutable Mutex mutex_;  // never held while a batch is processed
  CondVar changed_;      // a pause has ended, or a flow has become empty
  std::shared_ptr<Flow> flow_ GUARDED_BY(mutex_);
  bool is_paused_ GUARDED_BY(mutex_) = false;

  Counter accepted_batches_;
  Counter required_failures_;
  Counter optional_failures_;
  Counter unrouted_events_;
  Histogram batch_events_;
};

}  // namespace spillway::agent
