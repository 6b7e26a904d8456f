#include "tests/support/sim_disk.h"

#include <utility>

#include "tests/support/sim_handles.h"
#include "tests/support/sim_kernel.h"
#include "wal/base/check.h"

namespace spillway::test {
namespace {

std::string without_trailing_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

PendingOp described(const SimOp& op) {
  PendingOp pending{.kind = op.kind, .path = op.path, .is_in_flight = op.is_in_flight};
  if (op.kind == SimOpKind::kGrow) pending.offset = op.grows_to_bytes;
  if (op.kind == SimOpKind::kShrink) pending.offset = op.shrinks_to_bytes;
  if (!op.pieces.empty()) pending.offset = op.pieces.front().offset;
  for (const SimPiece& piece : op.pieces) pending.size_bytes += piece.bytes.size();
  return pending;
}

}  // namespace

SimDisk::SimDisk(const SimOptions& options)
    : kernel_(std::make_shared<SimKernel>(options, SimStore())) {}
SimDisk::SimDisk(std::shared_ptr<SimKernel> kernel) : kernel_(std::move(kernel)) {}
SimDisk::~SimDisk() = default;

Result<std::unique_ptr<io::Directory>> SimDisk::open_directory(const std::string& path,
                                                               Missing missing) {
  const std::lock_guard guard(kernel_->mutex);
  const std::string key = without_trailing_slash(path);
  TRY_ASSIGN(const SimStep step, kernel_->begin_locked(SimCallKind::kOpenDirectory, key));
  TRY(kernel_->end_locked(step));
  if (!kernel_->store.has_directory(key)) {
    if (missing == Missing::kFail) {
      return Error{.code = Errc::kNotFound, .os_error = ENOENT, .what = "cannot open directory"};
    }
    kernel_->store.add_directory(key);
  }
  return {std::make_unique<SimDirectory>(kernel_, key, path)};
}

Result<std::unique_ptr<io::WriteQueue>> SimDisk::open_write_queue(std::size_t depth,
                                                                  io::Durability durability) {
  const std::lock_guard guard(kernel_->mutex);
  TRY_ASSIGN(const SimStep step, kernel_->begin_locked(SimCallKind::kOpenQueue, ""));
  TRY(kernel_->end_locked(step));
  return {std::make_unique<SimWriteQueue>(kernel_, depth, durability)};
}

void SimDisk::fail_call(std::uint64_t number, const Error& error, Repeat repeat) {
  fail_when(
      [number, repeat](const SimCall& call) {
        return repeat == Repeat::kOnce ? call.number == number : call.number >= number;
      },
      error, repeat);
}

void SimDisk::fail_when(std::function<bool(const SimCall&)> matches, const Error& error,
                        Repeat repeat) {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->faults.push_back({.matches = std::move(matches), .error = error, .repeat = repeat});
}

void SimDisk::fail_reads(const std::string& path, std::uint64_t offset, std::uint64_t size_bytes) {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->bad_ranges.push_back({.path = path, .begin = offset, .end = offset + size_bytes});
}

void SimDisk::clear_faults() {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->faults.clear();
  kernel_->bad_ranges.clear();
}

void SimDisk::set_capacity(std::uint64_t capacity_bytes) {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->options.capacity_bytes = capacity_bytes;
}

void SimDisk::crash_at(std::uint64_t number, CrashPhase phase) {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->crash_point = SimKernel::CrashPoint{.number = number, .phase = phase};
}

void SimDisk::crash_now() {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->crash_locked();
}

bool SimDisk::is_crashed() const {
  const std::lock_guard guard(kernel_->mutex);
  return kernel_->is_crashed;
}

std::vector<PendingOp> SimDisk::pending() const {
  const std::lock_guard guard(kernel_->mutex);
  std::vector<PendingOp> pending;
  for (const SimOp& op : kernel_->store.pending()) pending.push_back(described(op));
  return pending;
}

std::unique_ptr<SimDisk> SimDisk::crash_image(const Survivors& survivors) const {
  const std::lock_guard guard(kernel_->mutex);
  SimOptions options = kernel_->options;
  options.seed += survivors.seed + 1;
  auto image = std::make_shared<SimKernel>(options, kernel_->store.after_power_loss(survivors));
  image->bad_ranges = kernel_->bad_ranges;
  return std::unique_ptr<SimDisk>(new SimDisk(std::move(image)));
}

void SimDisk::hold_writes() {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->holds_writes = true;
}

void SimDisk::release_writes() {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->holds_writes = false;
  kernel_->wake_queues.notify_all();
}

std::uint64_t SimDisk::call_count() const {
  const std::lock_guard guard(kernel_->mutex);
  return kernel_->calls.size();
}

std::vector<SimCall> SimDisk::calls() const {
  const std::lock_guard guard(kernel_->mutex);
  return kernel_->calls;
}

std::vector<std::string> SimDisk::paths() const {
  const std::lock_guard guard(kernel_->mutex);
  return kernel_->store.paths();
}

bool SimDisk::exists(const std::string& path) const {
  const std::lock_guard guard(kernel_->mutex);
  return kernel_->store.find(path) != nullptr;
}

std::vector<std::byte> SimDisk::contents(const std::string& path) const {
  const std::lock_guard guard(kernel_->mutex);
  const SimNodePtr node = kernel_->store.find(path);
  CHECK(node != nullptr);
  std::vector<std::byte> bytes(node->newest_size_bytes);
  node->newest.read(0, bytes);
  return bytes;
}

void SimDisk::put(const std::string& path, ByteSpan bytes) {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->store.put(path, bytes);
}

void SimDisk::erase(const std::string& path) {
  const std::lock_guard guard(kernel_->mutex);
  kernel_->store.erase(path);
}

void SimDisk::corrupt(const std::string& path, std::uint64_t offset, std::uint64_t size_bytes,
                      const std::function<void(MutableByteSpan)>& change) {
  const std::lock_guard guard(kernel_->mutex);
  const SimNodePtr node = kernel_->store.find(path);
  CHECK(node != nullptr);
  CHECK(offset + size_bytes <= node->newest_size_bytes);
  std::vector<std::byte> bytes(size_bytes);
  node->newest.read(offset, bytes);
  change(bytes);
  node->newest.write(offset, bytes);
  node->durable.write(offset, bytes);
}

}  // namespace spillway::test
