#include "wal/io/sync_write_queue.h"

#include "wal/base/check.h"

namespace spillway::io {

void SyncWriteQueue::submit(File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) {
  CHECK(!finished_.has_value());
  finished_ = WriteDone{.tag = tag, .outcome = file.write_at(offset, bytes, Durability::kDurable)};
}

void SyncWriteQueue::reap(std::vector<WriteDone>& done, Wait /*wait*/) {
  if (!finished_.has_value()) return;
  done.push_back(*finished_);
  finished_.reset();
}

}  // namespace spillway::io
