#include "tests/kernel/loop_disk.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "tests/support/eventually.h"
#include "tests/support/run_program.h"
#include "wal/base/check.h"

namespace spillway::test {
namespace {

constexpr std::size_t kMebibyte = std::size_t{1} << 20U;

// Where this process was before it entered a mount namespace of its own.
const io::OwnedFd& first_namespace() {
  static const io::OwnedFd fd(::open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  return fd;
}

bool enter_own_namespace() {
  static const bool is_done = first_namespace().is_open() && ::unshare(CLONE_NEWNS) == 0 &&
                              ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
  return is_done;
}

// The process of the disk, which must outlive every mount of it: the last process of a namespace
// unmounts what is left before it closes its files, and would wait for itself.
void become_server(int fuse_fd, pid_t parent, const DiskMemory& memory) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) return;
  if (::setns(first_namespace().get(), CLONE_NEWNS) != 0) return;
  // A disk does not wait for processor time. It only gets slower where this is refused.
  const sched_param priority{.sched_priority = 1};
  static_cast<void>(::sched_setscheduler(0, SCHED_RR, &priority));
  serve_disk(fuse_fd, memory);
}

bool kernel_knows(const std::string& file_system) {
  std::ifstream in("/proc/filesystems");
  const std::string all{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return all.find("\t" + file_system + "\n") != std::string::npos;
}

}  // namespace

bool run_shell(const std::string& command) {
  const RunResult run = run_program({"/bin/sh", "-c", "PATH=$PATH:/sbin:/usr/sbin; " + command});
  return run.exit_code == 0;
}

DiskFormat small_format(const std::string& file_system) {
  if (file_system == "ext4") {
    return {.file_system = "ext4",
            .bytes = 32 * kMebibyte,
            .mkfs_options = "-q -F -b 4096 -m 0 -E nodiscard,lazy_itable_init=0"};
  }
  if (file_system == "xfs") {
    return {.file_system = "xfs",
            .bytes = 300 * kMebibyte,
            .mkfs_options = "-q -f -K",
            .mount_options = "nouuid"};
  }
  CHECK(file_system == "btrfs");
  return {.file_system = "btrfs",
          .bytes = 128 * kMebibyte,
          .mkfs_options = "-q -f -K -m single -d single"};
}

std::string LoopDisk::why_not(const DiskFormat& format) {
  if (::geteuid() != 0) return "needs root to mount file systems";
  if (::access("/dev/fuse", R_OK | W_OK) != 0) return "needs /dev/fuse";
  if (::access("/dev/loop-control", R_OK | W_OK) != 0) return "needs loop devices";
  if (!kernel_knows(format.file_system)) return "the kernel has no " + format.file_system;
  if (!run_shell("command -v mkfs." + format.file_system))
    return "needs mkfs." + format.file_system;
  if (!enter_own_namespace()) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): glibc's is thread-safe
    return std::string("no mount namespace: ") + std::strerror(errno);
  }
  return {};
}

LoopDisk::LoopDisk(DiskFormat format, std::size_t log_bytes_max)
    : format_(std::move(format)), memory_(format_.bytes, log_bytes_max) {
  CHECK(enter_own_namespace());
  std::filesystem::create_directory(path());
  start_server();
  attach();
  make_file_system();
}

LoopDisk::~LoopDisk() {
  memory_.control->is_stalled = false;
  heal();
  if (is_mounted_ && unmount() != 0) ::umount2(path().c_str(), MNT_DETACH);
  loop_.reset();  // detaches
  ::umount2(directory_.file("image").c_str(), MNT_DETACH);
  ::kill(server_, SIGKILL);
  ::waitpid(server_, nullptr, 0);
}

void LoopDisk::start_server() {
  const std::string file = directory_.write("image", "");
  io::OwnedFd fuse(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  CHECK(fuse.is_open());
  const std::string options =
      "fd=" + std::to_string(fuse.get()) + ",rootmode=100600,user_id=0,group_id=0";
  CHECK(::mount("spillway-disk", file.c_str(), "fuse", MS_NOSUID | MS_NODEV, options.c_str()) == 0);
  const pid_t parent = ::getpid();
  server_ = ::fork();
  CHECK(server_ >= 0);
  if (server_ == 0) {
    become_server(fuse.get(), parent, memory_);
    ::_exit(0);
  }
}

void LoopDisk::attach() {
  const io::OwnedFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC));
  const io::OwnedFd image(::open(directory_.file("image").c_str(), O_RDWR | O_DIRECT | O_CLOEXEC));
  CHECK(control.is_open());
  CHECK(image.is_open());
  // Somebody else may be faster with the device that is free.
  CHECK(eventually([&] {
    const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return false;
    device_ = "/dev/loop" + std::to_string(number);
    loop_ = io::OwnedFd(::open(device_.c_str(), O_RDWR | O_CLOEXEC));
    loop_config config{};
    config.fd = static_cast<std::uint32_t>(image.get());
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
    return loop_.is_open() && ::ioctl(loop_.get(), LOOP_CONFIGURE, &config) == 0;
  }));
}

void LoopDisk::make_file_system() const {
  CHECK(run_shell("mkfs." + format_.file_system + " " + format_.mkfs_options + " " + device_));
  drop_caches();
}

int LoopDisk::mount() {
  const char* const options =
      format_.mount_options.empty() ? nullptr : format_.mount_options.c_str();
  if (::mount(device_.c_str(), path().c_str(), format_.file_system.c_str(), MS_NOATIME, options) !=
      0) {
    return errno;
  }
  is_mounted_ = true;
  return 0;
}

int LoopDisk::unmount() {
  int error = 0;
  // A ring that has just been closed keeps its files for a moment.
  static_cast<void>(eventually([&] {
    error = ::umount2(path().c_str(), 0) == 0 ? 0 : errno;
    return error != EBUSY;
  }));
  if (error == 0) is_mounted_ = false;
  return error;
}

void LoopDisk::clear_log() {
  memory_.control->log_bytes = 0;
  memory_.control->op_count = 0;
}

void LoopDisk::fail(const DiskFault& fault) {
  DiskControl& disk = control();
  disk.failing_ops = 0;
  disk.failing_from = fault.from;
  disk.failing_left = fault.count;
  disk.failing_begin = fault.begin;
  disk.failing_end = fault.end;
  disk.failed_count = 0;
  disk.failing_ops = fault.ops;
}

void LoopDisk::drop_caches() const {
  CHECK(::ioctl(loop_.get(), BLKFLSBUF, 0) == 0);
}

}  // namespace spillway::test
