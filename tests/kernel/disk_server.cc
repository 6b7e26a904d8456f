#include "tests/kernel/disk_server.h"

#include <linux/fuse.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

namespace spillway::test {
namespace {

constexpr std::uint32_t kWriteBytesMax = 1U << 20U;
constexpr std::uint16_t kPagesMax = kWriteBytesMax / 4096;
constexpr std::chrono::minutes kStallMax{2};

class DiskServer {
 public:
  DiskServer(int fuse_fd, const DiskMemory& memory)
      : fd_(fuse_fd), memory_(memory), request_(kWriteBytesMax + 2 * FUSE_MIN_READ_BUFFER) {}

  void run() {
    while (true) {
      const ssize_t got = ::read(fd_, request_.data(), request_.size());
      if (got < 0 && (errno == EINTR || errno == ENOENT || errno == EAGAIN)) continue;
      if (got < static_cast<ssize_t>(sizeof(fuse_in_header))) return;  // unmounted
      std::memcpy(&header_, request_.data(), sizeof(header_));
      if (header_.opcode == FUSE_DESTROY) return;
      answer();
    }
  }

 private:
  template <class T>
  [[nodiscard]] T argument() const {
    T value{};
    std::memcpy(&value, request_.data() + sizeof(header_), sizeof(value));
    return value;
  }

  void answer() {
    switch (header_.opcode) {
      case FUSE_INIT:
        return init();
      case FUSE_GETATTR:
      case FUSE_SETATTR:
        return attributes();
      case FUSE_OPEN:
        return open();
      case FUSE_READ:
        return read_image();
      case FUSE_WRITE:
        return write_image();
      case FUSE_FSYNC:
        return flush();
      case FUSE_FLUSH:
      case FUSE_RELEASE:
        return reply_error(0);
      case FUSE_FORGET:
      case FUSE_BATCH_FORGET:
      case FUSE_INTERRUPT:
        return;
      case FUSE_FALLOCATE:
        return reply_error(EOPNOTSUPP);  // the kernel writes zeros instead
      default:
        return reply_error(ENOSYS);
    }
  }

  void init() {
    fuse_init_out out{};
    out.major = FUSE_KERNEL_VERSION;
    out.minor = std::min<std::uint32_t>(argument<fuse_init_in>().minor, FUSE_KERNEL_MINOR_VERSION);
    out.max_readahead = kWriteBytesMax;
    out.flags = FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_ASYNC_READ | FUSE_ASYNC_DIO;
    out.max_background = 64;
    out.congestion_threshold = 48;
    out.max_write = kWriteBytesMax;
    out.time_gran = 1;
    out.max_pages = kPagesMax;
    reply(out);
  }

  void open() {
    fuse_open_out out{};
    out.open_flags = FOPEN_DIRECT_IO;
    reply(out);
  }

  void attributes() {
    fuse_attr_out out{};
    out.attr_valid = 3600;
    out.attr.ino = FUSE_ROOT_ID;
    out.attr.size = memory_.image.all().size();
    out.attr.blocks = out.attr.size / 512;
    out.attr.mode = S_IFREG | 0600;
    out.attr.nlink = 1;
    out.attr.blksize = 4096;
    reply(out);
  }

  void read_image() {
    const auto in = argument<fuse_read_in>();
    wait_while_stalled();
    if (fails(DiskOp::kRead, in.offset, in.size)) return reply_error(EIO);
    reply_bytes(memory_.image.all().subspan(in.offset, in.size));
  }

  void write_image() {
    const auto in = argument<fuse_write_in>();
    std::byte* const bytes = request_.data() + sizeof(header_) + sizeof(in);
    wait_while_stalled();
    const bool is_failing = fails(DiskOp::kWrite, in.offset, in.size);
    // Sectors are whole or not there.
    const std::uint32_t done = is_failing ? in.size / 2 / 512 * 512 : in.size;
    if (done > 0) note(DiskOp::kWrite, in.offset, {bytes, done});
    std::memcpy(memory_.image.data() + in.offset, bytes, done);
    if (is_failing) return reply_error(EIO);
    reply(fuse_write_out{.size = in.size, .padding = 0});
  }

  void flush() {
    wait_while_stalled();
    if (fails(DiskOp::kFlush, 0, UINT32_MAX)) return reply_error(EIO);
    note(DiskOp::kFlush, 0, {});
    reply_error(0);
  }

  void note(DiskOp op, std::uint64_t offset, std::span<const std::byte> bytes) {
    const DiskLogEntry entry{
        .op = op, .bytes = static_cast<std::uint32_t>(bytes.size()), .offset = offset};
    DiskControl& control = *memory_.control;
    if (!control.is_recording) return;
    const std::uint64_t at = control.log_bytes;
    if (at + sizeof(entry) + bytes.size() > memory_.log.all().size()) {
      control.is_log_full = true;
      return;
    }
    std::memcpy(memory_.log.data() + at, &entry, sizeof(entry));
    std::copy(bytes.begin(), bytes.end(), memory_.log.data() + at + sizeof(entry));
    control.log_bytes = at + sizeof(entry) + bytes.size();
    ++control.op_count;
  }

  bool fails(DiskOp op, std::uint64_t offset, std::uint32_t bytes) {
    DiskControl& control = *memory_.control;
    if ((control.failing_ops & fault_bit(op)) == 0) return false;
    if (control.op_count < control.failing_from || control.failing_left == 0) return false;
    if (offset >= control.failing_end || offset + bytes <= control.failing_begin) return false;
    --control.failing_left;
    ++control.failed_count;
    return true;
  }

  void wait_while_stalled() {
    DiskControl& control = *memory_.control;
    if (!control.is_stalled) return;
    ++control.held_count;
    const auto end = std::chrono::steady_clock::now() + kStallMax;
    while (control.is_stalled && std::chrono::steady_clock::now() < end) ::poll(nullptr, 0, 1);
  }

  void reply_error(int error) { send(error, {}); }
  void reply_bytes(std::span<std::byte> bytes) { send(0, bytes); }

  template <class T>
  void reply(T out) {
    send(0, std::as_writable_bytes(std::span(&out, 1)));
  }

  void send(int error, std::span<std::byte> bytes) {
    fuse_out_header out{.len = static_cast<std::uint32_t>(sizeof(out) + bytes.size()),
                        .error = -error,
                        .unique = header_.unique};
    std::array<iovec, 2> parts{iovec{.iov_base = &out, .iov_len = sizeof(out)},
                               iovec{.iov_base = bytes.data(), .iov_len = bytes.size()}};
    // Fails when the asker was interrupted or is gone; nobody waits for the answer then.
    static_cast<void>(::writev(fd_, parts.data(), bytes.empty() ? 1 : 2));
  }

  const int fd_;
  const DiskMemory& memory_;
  std::vector<std::byte> request_;
  fuse_in_header header_{};
};

}  // namespace

void serve_disk(int fuse_fd, const DiskMemory& memory) {
  DiskServer(fuse_fd, memory).run();
}

}  // namespace spillway::test
