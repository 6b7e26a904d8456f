// Only one owner per data directory: between processes, inside one, and beside a Java agent.
#include "wal/io/posix_lock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/temp_dir.h"
#include "wal/io/owned_fd.h"
#include "wal/io/posix_directory.h"

namespace spillway::io {
namespace {

// Runs `body` in a child process; its value is the exit code.
template <class Body>
pid_t start_child(Body body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  return pid;
}

int exit_code_of(pid_t pid) {
  int status = 0;
  if (::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

struct Pipe {
  Pipe() {
    int fds[2] = {-1, -1};
    is_open = ::pipe2(fds, O_CLOEXEC) == 0;
    read_end = OwnedFd(fds[0]);
    write_end = OwnedFd(fds[1]);
  }
  void send() const { sent = ::write(write_end.get(), "x", 1); }
  // True for a byte, false when every writer is gone.
  [[nodiscard]] bool receive() const {
    char byte = 0;
    return ::read(read_end.get(), &byte, 1) == 1;
  }

  OwnedFd read_end;
  OwnedFd write_end;
  bool is_open = false;
  mutable ssize_t sent = 0;
};

class PosixLockTest : public testing::Test {
 protected:
  std::unique_ptr<Directory> open_directory() {
    return std::move(PosixDirectory::open_path(dir_.path().string()).value());
  }
  // 0: got it; 1: kLocked; 2: another error.
  int try_lock() {
    const auto lock = open_directory()->lock();
    if (lock.has_value()) return 0;
    return lock.error().code == Errc::kLocked ? 1 : 2;
  }

  const test::TempDir dir_;
};

TEST_F(PosixLockTest, SecondOpenInTheSameProcessIsRefused) {
  const auto first = open_directory()->lock();
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(try_lock(), 1);
  // The refused attempt must not have dropped the lock, as closing the file would.
  EXPECT_EQ(exit_code_of(start_child([this] {
              // The child inherited the in-process record but no POSIX lock: ask the kernel.
              const OwnedFd fd(::open(dir_.file(kLockFileName).c_str(), O_RDWR));
              struct flock range {};
              range.l_type = F_WRLCK;
              return ::fcntl(fd.get(), F_SETLK, &range) == 0 ? 0 : 1;
            })),
            1);
}

TEST_F(PosixLockTest, LockIsFreeAgainOnceDestroyed) {
  { ASSERT_TRUE(open_directory()->lock().has_value()); }
  EXPECT_EQ(try_lock(), 0);
  EXPECT_EQ(exit_code_of(start_child([this] { return try_lock(); })), 0);
}

TEST_F(PosixLockTest, DirectoryByAnotherPathIsTheSameDirectory) {
  const auto first = open_directory()->lock();
  ASSERT_TRUE(first.has_value());
  std::filesystem::create_directory_symlink(dir_.path(), dir_.path() / "alias");
  const auto alias = std::move(PosixDirectory::open_path(dir_.file("alias")).value());
  EXPECT_EQ(alias->lock().error().code, Errc::kLocked);
}

TEST_F(PosixLockTest, OtherProcessIsRefusedUntilTheOwnerEnds) {
  const Pipe locked;
  Pipe finish;
  ASSERT_TRUE(locked.is_open);
  ASSERT_TRUE(finish.is_open);
  const pid_t owner = start_child([&] {
    finish.write_end.reset();
    const auto lock = open_directory()->lock();
    if (!lock.has_value()) return 1;
    locked.send();
    static_cast<void>(finish.receive());
    return 0;
  });
  ASSERT_TRUE(locked.receive());
  EXPECT_EQ(try_lock(), 1);
  EXPECT_EQ(try_lock(), 1);  // the refusal left no trace in this process
  finish.write_end.reset();
  EXPECT_EQ(exit_code_of(owner), 0);
  EXPECT_EQ(try_lock(), 0);
}

TEST_F(PosixLockTest, KilledOwnerLeavesNoLock) {
  const Pipe locked;
  const pid_t owner = start_child([&] {
    const auto lock = open_directory()->lock();
    locked.send();
    ::pause();
    return 0;
  });
  ASSERT_TRUE(locked.receive());
  ASSERT_EQ(::kill(owner, SIGKILL), 0);
  // No wait: what is still being torn down is what the retry is for.
  EXPECT_EQ(try_lock(), 0);
  EXPECT_EQ(exit_code_of(owner), -1);
}

TEST_F(PosixLockTest, RecordLockOfAJavaAgentKeepsUsOut) {
  dir_.write(kLockFileName, "");
  const Pipe locked;
  Pipe finish;
  const pid_t java = start_child([&] {
    finish.write_end.reset();
    const OwnedFd fd(::open(dir_.file(kLockFileName).c_str(), O_RDWR));
    struct flock range {};
    range.l_type = F_WRLCK;
    range.l_whence = SEEK_SET;
    range.l_len = INT64_MAX;  // as java.nio's tryLock() does
    if (::fcntl(fd.get(), F_SETLK, &range) != 0) return 1;
    locked.send();
    static_cast<void>(finish.receive());
    return 0;
  });
  ASSERT_TRUE(locked.receive());
  EXPECT_EQ(try_lock(), 1);
  finish.write_end.reset();
  EXPECT_EQ(exit_code_of(java), 0);
}

TEST_F(PosixLockTest, OwnerIsNamedWithoutTouchingTheLock) {
  EXPECT_EQ(lock_owner(dir_.path()).value(), std::nullopt);
  EXPECT_FALSE(std::filesystem::exists(dir_.file(kLockFileName)));  // it was not created
  const auto lock = open_directory()->lock();
  ASSERT_TRUE(lock.has_value());
  EXPECT_EQ(lock_owner(dir_.path()).value(), ::getpid());
  // The lock is still there for everybody else.
  EXPECT_EQ(exit_code_of(start_child([this] {
              const OwnedFd fd(::open(dir_.file(kLockFileName).c_str(), O_RDONLY));
              struct flock range {};
              range.l_type = F_WRLCK;
              if (::fcntl(fd.get(), F_GETLK, &range) != 0) return 2;
              return range.l_type == F_WRLCK && range.l_pid == ::getppid() ? 0 : 1;
            })),
            0);
}

TEST_F(PosixLockTest, OwnerInAnotherProcessIsNamedByItsPid) {
  const Pipe locked;
  Pipe finish;
  const pid_t owner = start_child([&] {
    finish.write_end.reset();
    const auto lock = open_directory()->lock();
    locked.send();
    static_cast<void>(finish.receive());
    return lock.has_value() ? 0 : 1;
  });
  ASSERT_TRUE(locked.receive());
  EXPECT_EQ(lock_owner(dir_.path()).value(), owner);
  EXPECT_EQ(try_lock(), 1);  // still theirs
  finish.write_end.reset();
  EXPECT_EQ(exit_code_of(owner), 0);
  EXPECT_EQ(lock_owner(dir_.path()).value(), std::nullopt);
  EXPECT_EQ(lock_owner(dir_.file("missing")).error().code, Errc::kNotFound);
}

TEST_F(PosixLockTest, ThreadsOfOneProcessShareOneLock) {
  constexpr int kThreads = 4;
  std::atomic<int> owners = 0;
  std::vector<std::unique_ptr<DirectoryLock>> locks(kThreads);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] {
      auto lock = open_directory()->lock();
      if (!lock.has_value()) return;
      locks[static_cast<std::size_t>(i)] = std::move(lock.value());
      ++owners;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(owners, 1);
}

}  // namespace
}  // namespace spillway::io
