#include "tests/support/sim_kernel.h"

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <thread>

#include "wal/base/check.h"

namespace spillway::test {
namespace {

constexpr Error kNoPower{.code = Errc::kClosed, .what = "simulated power loss"};

}  // namespace

Result<SimStep> SimKernel::begin_locked(SimCallKind kind, const std::string& path,
                                        std::uint64_t offset, std::uint64_t size_bytes) {
  if (is_crashed) return kNoPower;
  calls.push_back({.number = calls.size() + 1,
                   .kind = kind,
                   .path = path,
                   .offset = offset,
                   .size_bytes = size_bytes});
  const SimCall& call = calls.back();
  SimStep step;
  if (crash_point.has_value() && call.number >= crash_point->number) {
    step.crash = crash_point->phase;
    if (step.crash == CrashPhase::kBefore) {
      crash_locked();
      return kNoPower;
    }
  }
  const auto fault = std::find_if(faults.begin(), faults.end(),
                                  [&call](const Fault& f) { return f.matches(call); });
  if (fault != faults.end()) {
    step.fault = fault->error;
    if (fault->repeat == SimDisk::Repeat::kOnce) faults.erase(fault);
  }
  return step;
}

Result<void> SimKernel::end_locked(const SimStep& step) {
  if (step.crash.has_value()) {
    crash_locked();
    return kNoPower;
  }
  if (step.fault.has_value()) return *step.fault;
  return {};
}

void SimKernel::crash_locked() {
  is_crashed = true;
  wake_queues.notify_all();
}

std::optional<Error> SimKernel::no_space_locked(std::uint64_t old_bytes,
                                                std::uint64_t new_bytes) const {
  if (new_bytes <= old_bytes) return std::nullopt;
  if (store.used_bytes() + (new_bytes - old_bytes) <= options.capacity_bytes) return std::nullopt;
  return Error{.code = Errc::kNoSpace, .os_error = ENOSPC, .what = "simulated disk is full"};
}

Result<SimNodePtr> SimKernel::open(const std::string& path, io::OpenMode mode) {
  const std::lock_guard guard(mutex);
  const bool is_create = mode == io::OpenMode::kCreate;
  TRY_ASSIGN(const SimStep step,
             begin_locked(is_create ? SimCallKind::kCreate : SimCallKind::kOpen, path));
  SimNodePtr node = store.find(path);
  if (!step.fault.has_value()) {
    if (is_create && node != nullptr) {
      return Error{.code = Errc::kExists, .os_error = EEXIST, .what = "cannot open file"};
    }
    if (!is_create && node == nullptr) {
      return Error{.code = Errc::kNotFound, .os_error = ENOENT, .what = "cannot open file"};
    }
    if (is_create) node = store.create(path);
    if (mode == io::OpenMode::kReadWrite && !options.is_direct) store.forget_cached(node);
  }
  TRY(end_locked(step));
  return node;
}

Result<std::vector<std::string>> SimKernel::list(const std::string& directory) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step, begin_locked(SimCallKind::kList, directory));
  TRY(end_locked(step));
  return store.names_in(directory);
}

Result<void> SimKernel::remove(const std::string& path) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step, begin_locked(SimCallKind::kRemove, path));
  if (!step.fault.has_value()) {
    if (store.find(path) == nullptr) {
      return Error{.code = Errc::kNotFound, .os_error = ENOENT, .what = "cannot remove file"};
    }
    store.remove(path);
  }
  return end_locked(step);
}

Result<void> SimKernel::sync_directory(const std::string& directory) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step, begin_locked(SimCallKind::kSyncDirectory, directory));
  if (step.fault.has_value()) {
    store.fail_sync_directory(directory);
  } else if (step.crash != CrashPhase::kAfterSubmit) {
    store.sync_directory(directory);
  }
  return end_locked(step);
}

Result<io::SpaceInfo> SimKernel::space(const std::string& directory) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step, begin_locked(SimCallKind::kSpace, directory));
  TRY(end_locked(step));
  const std::uint64_t used = std::min(store.used_bytes(), options.capacity_bytes);
  return io::SpaceInfo{.free_bytes = options.capacity_bytes - used,
                       .total_bytes = options.capacity_bytes,
                       .is_direct = options.is_direct,
                       .is_copy_on_write = options.is_copy_on_write};
}

Result<void> SimKernel::lock(const std::string& directory) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step, begin_locked(SimCallKind::kLock, directory));
  if (!step.fault.has_value()) {
    if (locked_directories.count(directory) != 0) {
      return Error{.code = Errc::kLocked, .what = "directory is in use by this process"};
    }
    const std::string path = directory + "/in_use.lock";
    if (store.find(path) == nullptr) store.create(path);
  }
  TRY(end_locked(step));
  locked_directories.insert(directory);
  return {};
}

void SimKernel::unlock(const std::string& directory) {
  const std::lock_guard guard(mutex);
  CHECK(locked_directories.erase(directory) == 1);
}

Result<std::size_t> SimKernel::read(const SimNodePtr& node, std::uint64_t offset,
                                    MutableByteSpan bytes) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step,
             begin_locked(SimCallKind::kRead, node->path, offset, bytes.size()));
  TRY(end_locked(step));
  const std::uint64_t end = offset + bytes.size();
  for (const BadRange& bad : bad_ranges) {
    if (bad.path == node->path && bad.begin < end && offset < bad.end) {
      return Error{.code = Errc::kIo,
                   .os_error = EIO,
                   .what = "cannot read",
                   .at = std::max(bad.begin, offset)};
    }
  }
  if (offset >= node->newest_size_bytes) return std::size_t{0};
  const std::uint64_t count = std::min<std::uint64_t>(end, node->newest_size_bytes) - offset;
  node->newest.read(offset, bytes.first(count));
  return count;
}

Result<void> SimKernel::write(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes,
                              io::Durability durability) {
  std::unique_lock guard(mutex);
  TRY_ASSIGN(SimStep step, begin_locked(SimCallKind::kWrite, node->path, offset, bytes.size()));
  if (!step.fault) {
    step.fault = no_space_locked(node->newest_size_bytes, offset + bytes.size());
    if (step.fault) return end_locked(step);
  }
  if (step.fault) {
    store.write_part(node, offset, bytes, random, /*is_doomed=*/!options.is_direct);
    return end_locked(step);
  }
  const std::uint64_t op_id = store.write(node, offset, bytes);
  if (options.is_slow && durability == io::Durability::kDurable) {
    store.set_in_flight(op_id, true);
    for (std::uint64_t turns = random() % 16; turns > 0; --turns) {
      guard.unlock();
      std::this_thread::yield();
      guard.lock();
    }
    if (is_crashed) return kNoPower;
    store.set_in_flight(op_id, false);
  }
  if (durability == io::Durability::kDurable && step.crash != CrashPhase::kAfterSubmit) {
    store.settle(op_id);
  }
  return end_locked(step);
}

Result<void> SimKernel::sync(const SimNodePtr& node) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step, begin_locked(SimCallKind::kSync, node->path));
  if (step.fault.has_value()) {
    store.fail_sync_file(node);
  } else if (step.crash != CrashPhase::kAfterSubmit) {
    store.sync_file(node);
  }
  return end_locked(step);
}

Result<std::uint64_t> SimKernel::size(const SimNodePtr& node) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step, begin_locked(SimCallKind::kSize, node->path));
  TRY(end_locked(step));
  return node->newest_size_bytes;
}

Result<void> SimKernel::allocate(const SimNodePtr& node, std::uint64_t size_bytes) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(SimStep step,
             begin_locked(SimCallKind::kAllocate, node->path, node->newest_size_bytes, size_bytes));
  const std::uint64_t old_bytes = node->newest_size_bytes;
  std::uint64_t fitting_bytes = size_bytes;
  if (!step.fault) {
    step.fault = no_space_locked(old_bytes, size_bytes);
    fitting_bytes = std::min(size_bytes, old_bytes + options.capacity_bytes -
                                             std::min(store.used_bytes(), options.capacity_bytes));
  }
  if (step.fault && fitting_bytes > old_bytes) {  // partly grown
    const std::uint64_t blocks = (fitting_bytes - old_bytes) / io::kBlockBytes;
    fitting_bytes = old_bytes + random() % (blocks + 1) * io::kBlockBytes;
  }
  store.grow(node, fitting_bytes);
  return end_locked(step);
}

Result<void> SimKernel::truncate(const SimNodePtr& node, std::uint64_t size_bytes) {
  const std::lock_guard guard(mutex);
  TRY_ASSIGN(const SimStep step,
             begin_locked(SimCallKind::kTruncate, node->path, node->newest_size_bytes, size_bytes));
  if (!step.fault || random() % 2 == 0) store.shrink(node, size_bytes);
  return end_locked(step);
}

SimQueued SimKernel::submit(const SimNodePtr& node, std::uint64_t offset, ByteSpan bytes,
                            io::Durability durability) {
  const std::lock_guard guard(mutex);
  SimQueued queued;
  const auto begun = begin_locked(SimCallKind::kSubmit, node->path, offset, bytes.size());
  if (!begun.has_value()) {
    queued.error = begun.error();
    return queued;
  }
  SimStep step = begun.value();
  const auto no_space = no_space_locked(node->newest_size_bytes, offset + bytes.size());
  if (step.fault) {
    queued.op_id = store.write_part(node, offset, bytes, random, /*is_doomed=*/!options.is_direct);
  } else if (no_space) {
    step.fault = no_space;
  } else {
    queued.op_id = store.write(node, offset, bytes);
  }
  store.set_in_flight(queued.op_id, true);
  const bool is_settled = !step.fault && step.crash == CrashPhase::kAfterCompletion &&
                          durability == io::Durability::kDurable;
  if (is_settled) store.settle(queued.op_id);
  const auto ended = end_locked(step);
  if (!ended.has_value()) queued.error = ended.error();
  return queued;
}

}  // namespace spillway::test
