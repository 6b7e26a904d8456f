// Where a sandbox forbids io_uring, as container runtimes do, there is no write queue, and the
// answer says why.
#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>

#include "wal/io/posix_file_system.h"

namespace spillway::io {
namespace {

// From here on, this process gets `os_error` from io_uring_setup.
bool forbid_io_uring(unsigned os_error) {
  std::array<sock_filter, 4> program{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_io_uring_setup},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | os_error},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
         ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0;
}

// 0: as promised. Runs in a child: a sandbox is never left again.
int try_queues(unsigned os_error) {
  if (!forbid_io_uring(os_error)) return 77;
  const auto ring = PosixFileSystem().open_write_queue(4, Durability::kDurable);
  if (ring.has_value() || ring.error().code != Errc::kUnsupported) return 1;
  if (ring.error().os_error != static_cast<int>(os_error)) return 2;
  return 0;
}

class SandboxTest : public testing::TestWithParam<unsigned> {};

TEST_P(SandboxTest, RefusedRingIsUnsupported) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(try_queues(GetParam()));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "this kernel has no seccomp filters";
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

INSTANTIATE_TEST_SUITE_P(Errors, SandboxTest, testing::Values(EPERM, ENOSYS, ENOMEM));

}  // namespace
}  // namespace spillway::io
