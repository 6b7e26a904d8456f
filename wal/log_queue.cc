// The part of LogWriter that keeps several writes in flight from one thread.
#include <algorithm>
#include <utility>

#include "wal/base/check.h"
#include "wal/batch.h"
#include "wal/log_writer.h"

namespace spillway::wal {

void LogWriter::use_queue(std::unique_ptr<io::WriteQueue> queue) {
  CHECK(queue->depth() >= options_.write_depth_max);
  const MutexLock lock(mutex_);
  CHECK(queue_ == nullptr);
  queue_ = std::move(queue);
  work_.notify_all();  // all writer threads but one are done
}

void LogWriter::drive_queue(MutexLock& lock) {
  while (true) {
    while (can_write()) {
      // A small block stays alone in flight: a plain call is the shorter way for it.
      if (writing_ == 0 && waiting_bytes_ < options_.overlap_bytes_min) {
        write_next(lock);
      } else {
        submit_next(lock);
      }
    }
    is_handed_over_ = false;  // whatever it was about, it cannot be written now
    if (queued_.empty()) return;
    reap(lock);
  }
}

void LogWriter::submit_next(MutexLock& lock) {
  const std::shared_ptr<Batch> batch = place_next(lock);
  if (batch == nullptr) {
    settle(lock);
    return;
  }
  io::WriteQueue& queue = *queue_;
  lock.unlock();
  batch->write_started_ns = clock_.monotonic_ns();
  queued_.push_back(batch);
  const SegmentWriter::Place& place = batch->place;
  queue.submit(*place.file, place.offset, place.bytes, batch->header.lsn);
  lock.lock();
}

// Waits until a write has finished, or somebody has called the writer.
void LogWriter::reap(MutexLock& lock) {
  io::WriteQueue& queue = *queue_;
  is_reaping_ = true;
  lock.unlock();
  done_.clear();
  queue.reap(done_, io::WriteQueue::Wait::kForOne);
  lock.lock();
  is_reaping_ = false;
  for (const io::WriteDone& done : done_) {
    const auto found = std::find_if(queued_.begin(), queued_.end(), [&](const auto& batch) {
      return batch->header.lsn == done.tag;
    });
    CHECK(found != queued_.end());
    const std::shared_ptr<Batch> batch = std::move(*found);
    queued_.erase(found);
    if (done.outcome.has_value()) count_write(*batch);
    end_write(*batch, done.outcome);
  }
  if (!done_.empty()) settle(lock);
}

}  // namespace spillway::wal
