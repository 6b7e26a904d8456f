#include "wal/read_ahead.h"

#include <algorithm>
#include <utility>

#include "wal/base/check.h"
#include "wal/block.h"

namespace spillway::wal {

ReadAhead::ReadAhead(const LogOptions& options)
    : front_bytes_(align_up(options.block_bytes_max, kBlockAlignBytes)),
      chunk_bytes_(align_up(options.read_bytes, kBlockAlignBytes)),
      chunks_max_(options.background == Background::kNone
                      ? 0
                      : options.read_ahead_bytes / align_up(options.read_bytes, kBlockAlignBytes)) {
  CHECK(chunk_bytes_ > 0);
}

ReadAhead::~ReadAhead() {
  stop();
}

ReadAhead::Chunk ReadAhead::read(const std::shared_ptr<io::File>& file, std::uint64_t offset,
                                 std::uint64_t end) {
  CHECK(offset < end);
  MutexLock lock(mutex_);
  const bool is_next =
      !ahead_.empty() && ahead_.front()->file == file && ahead_.front()->offset == offset;
  if (!is_next) ahead_.clear();
  std::shared_ptr<Request> wanted;
  if (ahead_.empty()) {
    wanted = make_request(file, offset, end);
  } else {
    wanted = std::move(ahead_.front());
    ahead_.pop_front();
  }
  request_more(*wanted, end);
  // Not begun yet: quicker to read it here than to wait for the thread.
  if (wanted->state == State::kQueued) perform(lock, *wanted);
  while (wanted->state != State::kDone) done_.wait(lock);
  return {.memory = std::move(wanted->memory), .size = wanted->size};
}

void ReadAhead::rest() {
  const MutexLock lock(mutex_);
  ahead_.clear();
  memory_ = nullptr;
}

void ReadAhead::stop() {
  {
    const MutexLock lock(mutex_);
    ahead_.clear();
    memory_ = nullptr;
    is_stopping_ = true;
    work_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
}

std::uint64_t ReadAhead::bytes_ahead() const {
  const MutexLock lock(mutex_);
  std::uint64_t bytes = 0;
  for (const auto& request : ahead_) bytes += request->bytes;
  return bytes;
}

std::shared_ptr<ReadAhead::Request> ReadAhead::make_request(const std::shared_ptr<io::File>& file,
                                                            std::uint64_t offset,
                                                            std::uint64_t end) {
  if (memory_ == nullptr) {
    memory_ = SlabPool::make(front_bytes_ + chunk_bytes_, chunks_max_ + 2, io::PageAdvice::kHuge);
  }
  auto request = std::make_shared<Request>();
  request->file = file;
  request->offset = offset;
  request->bytes = std::min<std::uint64_t>(chunk_bytes_, end - offset);
  request->memory = memory_->get(front_bytes_ + chunk_bytes_);
  return request;
}

void ReadAhead::request_more(const Request& last, std::uint64_t end) {
  if (is_stopping_) return;
  const std::size_t count_before = ahead_.size();
  std::uint64_t at = ahead_.empty() ? last.end() : ahead_.back()->end();
  while (ahead_.size() < chunks_max_ && at < end) {
    ahead_.push_back(make_request(last.file, at, end));
    at = ahead_.back()->end();
  }
  if (ahead_.size() == count_before) return;
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  work_.notify_one();
}

void ReadAhead::perform(MutexLock& lock, Request& request) {
  request.state = State::kReading;
  const MutableByteSpan into = request.memory->span().subspan(front_bytes_, request.bytes);
  lock.unlock();
  Result<std::size_t> size = request.file->read_at(request.offset, into);
  lock.lock();
  request.size = size;
  request.state = State::kDone;
}

void ReadAhead::run() {
  MutexLock lock(mutex_);
  while (!is_stopping_) {
    const auto next = std::find_if(ahead_.begin(), ahead_.end(), [](const auto& request) {
      return request->state == State::kQueued;
    });
    if (next == ahead_.end()) {
      work_.wait(lock);
      continue;
    }
    const std::shared_ptr<Request> request = *next;  // may be forgotten in the meantime
    perform(lock, *request);
    done_.notify_one();
  }
}

}  // namespace spillway::wal
