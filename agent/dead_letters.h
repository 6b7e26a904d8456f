// DeadLetters: where events go that a sink's store refuses for good.
#pragma once

#include <span>

#include "agent/component.h"

namespace spillway::agent {

/// Belongs to the thread of its sink.
class DeadLetters {
 public:
  DeadLetters() = default;
  DeadLetters(const DeadLetters&) = delete;
  DeadLetters& operator=(const DeadLetters&) = delete;
  virtual ~DeadLetters() = default;

  /// Keeps the events of `batch` that `refused` names, each with its reason. On an error none of
  /// the batch may be acknowledged: it comes again, and may be kept twice.
  virtual Result<void> add(std::span<const channel::EventView> batch,
                           std::span<const RefusedEvent> refused) = 0;
};

}  // namespace spillway::agent
