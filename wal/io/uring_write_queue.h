// WriteQueue on an io_uring: one write per submit, durable by RWF_DSYNC; no links, no drain, no
// polling thread.
//
// Set-up flags are SINGLE_ISSUER and DEFER_TASKRUN where the kernel (6.1) has them, else none.
// With them the ring belongs to the thread that enables it. create() may run on another thread,
// so the ring is made disabled and the first submit() or reap() enables it.
#pragma once

#include <liburing.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "wal/io/file.h"
#include "wal/io/owned_fd.h"
#include "wal/io/write_progress.h"

namespace spillway::io {

/// Owned by the thread that first calls submit() or reap(). After an interrupt() one reap() may
/// return early although the interrupt was already seen.
class UringWriteQueue final : public WriteQueue {
 public:
  /// kUnsupported when the kernel or a sandbox refuses; os_error says how.
  static Result<std::unique_ptr<WriteQueue>> create(std::size_t depth, Durability durability);

  /// Waits for the writes in flight: their memory is about to go away.
  ~UringWriteQueue() override;

  [[nodiscard]] std::size_t depth() const override { return slots_.size(); }
  void submit(File& file, std::uint64_t offset, ByteSpan bytes, std::uint64_t tag) override;
  void reap(std::vector<WriteDone>& done, Wait wait) override;
  void interrupt() override;

 private:
  struct Slot {
    WriteProgress progress = {};
    std::uint64_t tag = 0;
    int fd = -1;
    bool is_busy = false;
  };

  UringWriteQueue(std::size_t depth, Durability durability)
      : write_flags_(durability == Durability::kDurable ? RWF_DSYNC : 0), slots_(depth) {}

  Result<void> open_ring();
  void enable();
  void start_write(std::size_t slot_index);
  void listen_for_interrupt();
  void enter(unsigned wait_count);
  void take_completions(std::vector<WriteDone>& done);
  void take_write(std::size_t slot_index, int kernel_result, std::vector<WriteDone>& done);

  const int write_flags_;
  io_uring ring_ = {};
  OwnedFd interrupt_fd_;
  bool is_open_ = false;
  bool must_enable_ = false;

  std::vector<Slot> slots_;  // never resized: the index travels through the kernel
  std::size_t in_flight_ = 0;
  std::uint64_t interrupt_count_ = 0;  // written by the kernel while a read of it is in flight
  bool is_listening_ = false;          // a read of interrupt_fd_ is in flight
  bool was_interrupted_ = false;       // since the last reap()

  std::atomic<bool> is_interrupt_sent_{false};  // spares the system call when one is on its way
};

}  // namespace spillway::io
