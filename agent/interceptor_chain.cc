#include "agent/interceptor_chain.h"

#include <algorithm>

namespace spillway::agent {

struct InterceptorChain::Workspace {
  EventDraft draft;
  channel::EventBatch kept;
  std::vector<Rejected> rejected;
};

InterceptorChain::InterceptorChain(std::vector<Link> links, const Clock& clock) : clock_(clock) {
  for (Link& link : links) {
    Station station{.link = std::move(link)};
    if (station.link.rejected_to) {
      const auto at = std::find(rejected_channels_.begin(), rejected_channels_.end(),
                                *station.link.rejected_to);
      station.rejected_slot = static_cast<std::size_t>(at - rejected_channels_.begin());
      if (at == rejected_channels_.end()) rejected_channels_.push_back(*station.link.rejected_to);
    }
    stations_.push_back(std::move(station));
  }
}

InterceptorChain::~InterceptorChain() = default;

InterceptorChain::Pass::Pass(InterceptorChain& chain, std::unique_ptr<Workspace> workspace,
                             const channel::EventBatch* kept)
    : chain_(chain), workspace_(std::move(workspace)), kept_(kept) {}

InterceptorChain::Pass::~Pass() {
  chain_.give_back(std::move(workspace_));
}

const std::vector<InterceptorChain::Rejected>& InterceptorChain::Pass::rejected() const {
  return workspace_->rejected;
}

Result<void> InterceptorChain::begin_batch() {
  for (const Station& station : stations_) TRY(station.link.interceptor->begin_batch());
  return {};
}

InterceptorChain::Pass InterceptorChain::intercept(const channel::EventBatch& batch) {
  std::unique_ptr<Workspace> workspace = take_workspace();
  EventDraft& draft = workspace->draft;
  draft.set_wall_ms(clock_.wall_ms());

  std::size_t untouched = 0;  // events at the front that need no copy yet
  bool is_copying = false;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    draft.reset(batch[i]);
    const Station* const dropped_by = pass_through(draft);
    if (!is_copying && dropped_by == nullptr && !draft.is_changed()) {
      ++untouched;
      continue;
    }
    if (!is_copying) {
      is_copying = true;
      if (const auto bookmark = batch.bookmark()) workspace->kept.set_bookmark(*bookmark);
      for (std::size_t j = 0; j < untouched; ++j) workspace->kept.add(batch[j]);
    }
    if (dropped_by == nullptr) {
      draft.add_to(workspace->kept);
    } else if (dropped_by->link.rejected_to) {
      draft.add_to(workspace->rejected[dropped_by->rejected_slot].events);
    }
  }
  const channel::EventBatch* const kept = is_copying ? &workspace->kept : &batch;
  return {*this, std::move(workspace), kept};
}

/// Returns who dropped the event, or nullptr.
const InterceptorChain::Station* InterceptorChain::pass_through(EventDraft& draft) {
  for (const Station& station : stations_) {
    if (station.link.interceptor->intercept(draft) == Interceptor::Verdict::kKeep) continue;
    (station.link.rejected_to ? station.rejected : station.dropped)->add();
    return &station;
  }
  return nullptr;
}

std::unique_ptr<InterceptorChain::Workspace> InterceptorChain::take_workspace() {
  {
    const MutexLock lock(mutex_);
    if (!spare_.empty()) {
      std::unique_ptr<Workspace> workspace = std::move(spare_.back());
      spare_.pop_back();
      return workspace;
    }
  }
  auto workspace = std::make_unique<Workspace>();
  for (const std::size_t channel : rejected_channels_) {
    workspace->rejected.push_back({.channel = channel, .events = {}});
  }
  return workspace;
}

void InterceptorChain::give_back(std::unique_ptr<Workspace> workspace) {
  workspace->kept.clear();
  for (Rejected& rejected : workspace->rejected) rejected.events.clear();
  const MutexLock lock(mutex_);
  spare_.push_back(std::move(workspace));
}

void InterceptorChain::collect(const Station& station, MetricSink& sink) {
  sink.counter("dropped_events_total", "Events the interceptor dropped.", station.dropped->value());
  sink.counter("rejected_events_total", "Events it sent to its channel for rejected ones.",
               station.rejected->value());
  station.link.interceptor->collect(sink);
}

}  // namespace spillway::agent
