// InterceptorChain: the interceptors of one source, in order.
//
// Owns them and the memory events are rewritten in, which is used again for later batches. Where
// the events go is ChannelProcessor's. Flume: InterceptorChain.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/component.h"
#include "agent/interceptor.h"
#include "channel/event_batch.h"
#include "wal/base/mutex.h"

namespace spillway::agent {

/// Thread-safe.
class InterceptorChain {
 public:
  struct Link {
    std::string name;
    std::unique_ptr<Interceptor> interceptor;
    std::optional<std::size_t> rejected_to = {};  // index of the channel for what it drops
  };

  /// `clock` outlives the chain.
  InterceptorChain(std::vector<Link> links, const Clock& clock);
  ~InterceptorChain();

  /// Events for a channel of their own, because an interceptor rejected them.
  struct Rejected {
    std::size_t channel = 0;
    channel::EventBatch events;
  };

 private:
  struct Workspace;

 public:
  /// The outcome of one batch; gives its memory back to the chain, which outlives it.
  class Pass {
   public:
    Pass(InterceptorChain& chain, std::unique_ptr<Workspace> workspace,
         const channel::EventBatch* kept);
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;
    ~Pass();

    /// In their order; the batch that was given when nothing changed it.
    [[nodiscard]] const channel::EventBatch& kept() const { return *kept_; }
    /// One entry per channel; its batch may be empty.
    [[nodiscard]] const std::vector<Rejected>& rejected() const;

   private:
    InterceptorChain& chain_;
    std::unique_ptr<Workspace> workspace_;
    const channel::EventBatch* kept_;
  };

  /// Before intercept(); an error refuses the batch.
  Result<void> begin_batch();

  /// `batch` outlives the Pass.
  [[nodiscard]] Pass intercept(const channel::EventBatch& batch);

  /// Calls `visit(name, collect)` for each interceptor; `collect(MetricSink&)` publishes it.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (const Station& station : stations_) {
      visit(station.link.name, [&station](MetricSink& sink) { collect(station, sink); });
    }
  }

 private:
  struct Station {
    Link link;
    std::size_t rejected_slot = 0;  // index into Workspace::rejected, if it has a channel
    std::unique_ptr<Counter> dropped = std::make_unique<Counter>();
    std::unique_ptr<Counter> rejected = std::make_unique<Counter>();
  };

  static void collect(const Station& station, MetricSink& sink);
  const Station* pass_through(EventDraft& draft);
  std::unique_ptr<Workspace> take_workspace();
  void give_back(std::unique_ptr<Workspace> workspace);

  std::vector<Station> stations_;
  std::vector<std::size_t> rejected_channels_;  // of Workspace::rejected
  const Clock& clock_;

  Mutex mutex_;
  std::vector<std::unique_ptr<Workspace>> spare_ GUARDED_BY(mutex_);
};

}  // namespace spillway::agent
