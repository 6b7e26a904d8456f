#include "wal/io/uring_write_queue.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "wal/base/check.h"
#include "wal/io/os_error.h"

namespace spillway::io {
namespace {

constexpr std::uint64_t kInterruptTag = UINT64_MAX;

// TASKRUN_FLAG lets a non-blocking reap look for completions without a system call.
constexpr unsigned kOwnedRingFlags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                                     IORING_SETUP_TASKRUN_FLAG | IORING_SETUP_R_DISABLED;

// One request carries at most this; the rest follows like after a short write.
constexpr std::size_t kRequestBytesMax = kGiB;

Error refused(int os_error, const char* what) {
  return {.code = Errc::kUnsupported, .os_error = os_error, .what = what};
}

bool has_operations(io_uring& ring) {
  struct FreeProbe {
    void operator()(io_uring_probe* probe) const { io_uring_free_probe(probe); }
  };
  const std::unique_ptr<io_uring_probe, FreeProbe> probe(io_uring_get_probe_ring(&ring));
  return probe != nullptr && io_uring_opcode_supported(probe.get(), IORING_OP_WRITE) != 0 &&
         io_uring_opcode_supported(probe.get(), IORING_OP_READ) != 0;
}

}  // namespace

Result<std::unique_ptr<WriteQueue>> UringWriteQueue::create(std::size_t depth,
                                                            Durability durability) {
  CHECK(depth > 0);
  std::unique_ptr<UringWriteQueue> queue(new UringWriteQueue(depth, durability));
  TRY(queue->open_ring());
  return {std::move(queue)};
}

Result<void> UringWriteQueue::open_ring() {
  interrupt_fd_ = OwnedFd(::eventfd(0, EFD_CLOEXEC));
  if (!interrupt_fd_.is_open()) return refused(errno, "cannot create eventfd");

  const auto entries = static_cast<unsigned>(slots_.size() + 1);  // and the interrupt
  must_enable_ = true;
  int outcome = io_uring_queue_init(entries, &ring_, kOwnedRingFlags);
  if (outcome == -EINVAL) {  // kernel before 6.1
    must_enable_ = false;    // rare: old_kernel
    outcome = io_uring_queue_init(entries, &ring_, 0);
  }
  if (outcome < 0) return refused(-outcome, "cannot create io_uring");
  is_open_ = true;
  if (!has_operations(ring_)) return refused(ENOSYS, "io_uring lacks plain writes");
  return {};
}

UringWriteQueue::~UringWriteQueue() {
  if (!is_open_) return;
  std::vector<WriteDone> ignored;
  while (in_flight_ > 0) {
    // Another thread than the owner gets EEXIST. The owner has then ended, and a thread does not
    // end before the kernel has finished its writes.
    const int outcome = io_uring_submit_and_wait(&ring_, 1);
    if (outcome < 0 && outcome != -EINTR) break;
    take_completions(ignored);
  }
  io_uring_queue_exit(&ring_);
}

void UringWriteQueue::enable() {
  if (!must_enable_) return;
  // liburing 2.3 declares io_uring_enable_rings() but its shared library lacks it (issue 773).
  CHECK(::syscall(SYS_io_uring_register, ring_.ring_fd, IORING_REGISTER_ENABLE_RINGS, nullptr, 0) ==
        0);
  must_enable_ = false;
}

void UringWriteQueue::submit(File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) {
  CHECK(in_flight_ < slots_.size());
  CHECK(file.descriptor() >= 0);
  CHECK(offset % kBlockBytes == 0);
  CHECK(bytes.size() % kBlockBytes == 0);
  CHECK(!bytes.empty());
  enable();
  const auto slot =
      std::find_if(slots_.begin(), slots_.end(), [](const Slot& s) { return !s.is_busy; });
  CHECK(slot != slots_.end());
  *slot = {.progress = WriteProgress(offset, bytes),
           .tag = tag,
           .fd = file.descriptor(),
           .is_busy = true};
  ++in_flight_;
  start_write(static_cast<std::size_t>(slot - slots_.begin()));
  enter(0);
}

void UringWriteQueue::start_write(std::size_t slot_index) {
  const Slot& slot = slots_[slot_index];
  const ByteSpan rest = slot.progress.rest();
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  CHECK(entry != nullptr);  // there is one per slot
  io_uring_prep_write(entry, slot.fd, rest.data(),
                      static_cast<unsigned>(std::min(rest.size(), kRequestBytesMax)),
                      slot.progress.offset());
  entry->rw_flags = write_flags_;
  io_uring_sqe_set_data64(entry, slot_index);
}

void UringWriteQueue::listen_for_interrupt() {
  if (is_listening_) return;
  io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
  CHECK(entry != nullptr);
  io_uring_prep_read(entry, interrupt_fd_.get(), &interrupt_count_, sizeof(interrupt_count_), 0);
  io_uring_sqe_set_data64(entry, kInterruptTag);
  is_listening_ = true;
}

void UringWriteQueue::enter(unsigned wait_count) {
  const int outcome =
      wait_count == 0 ? io_uring_submit(&ring_) : io_uring_submit_and_wait(&ring_, wait_count);
  if (outcome >= 0) return;
  // Interrupted, or short of kernel memory: what was not taken stays queued for the next call.
  const bool is_transient =
      outcome == -EINTR || outcome == -EAGAIN || outcome == -EBUSY || outcome == -ENOMEM;
  CHECK(is_transient);
}

void UringWriteQueue::reap(std::vector<WriteDone>& done, Wait wait) {
  enable();
  const std::size_t old_count = done.size();
  take_completions(done);
  while (wait == Wait::kForOne && done.size() == old_count && in_flight_ > 0 && !was_interrupted_) {
    listen_for_interrupt();
    enter(1);
    take_completions(done);
  }
  // Writes that a signal or a short write put back, and those the kernel had no memory for.
  if (io_uring_sq_ready(&ring_) > 0) enter(0);
  was_interrupted_ = false;
}

void UringWriteQueue::take_completions(std::vector<WriteDone>& done) {
  io_uring_cqe* completion = nullptr;
  while (io_uring_peek_cqe(&ring_, &completion) == 0) {
    const std::uint64_t tag = io_uring_cqe_get_data64(completion);
    const int kernel_result = completion->res;
    io_uring_cqe_seen(&ring_, completion);
    if (tag != kInterruptTag) {
      take_write(static_cast<std::size_t>(tag), kernel_result, done);
      continue;
    }
    is_listening_ = false;
    was_interrupted_ = true;
    // Pairs with the exchange in interrupt(): what its caller did before, our caller sees after
    // this reap(). A later interrupt() finds false and writes the eventfd again.
    is_interrupt_sent_.exchange(false, std::memory_order_acq_rel);
  }
}

void UringWriteQueue::take_write(std::size_t slot_index, int kernel_result,
                                 std::vector<WriteDone>& done) {
  CHECK(slot_index < slots_.size());
  Slot& slot = slots_[slot_index];
  CHECK(slot.is_busy);
  const Result<bool> is_complete = slot.progress.account(kernel_result);
  if (is_complete.has_value() && !is_complete.value()) {
    start_write(slot_index);  // submitted by reap()
    return;
  }
  WriteDone finished{.tag = slot.tag};
  if (!is_complete.has_value()) finished.outcome = is_complete.error();
  done.push_back(finished);
  slot.is_busy = false;
  --in_flight_;
}

void UringWriteQueue::interrupt() {
  // Pairs with the exchange in take_completions().
  if (is_interrupt_sent_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  const ssize_t count =
      retry_interrupted([&] { return ::write(interrupt_fd_.get(), &one, sizeof(one)); });
  CHECK(count == sizeof(one));
}

}  // namespace spillway::io
