#include "agent/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "wal/base/check.h"
#include "wal/io/os_error.h"

extern char** environ;  // NOLINT(readability-redundant-declaration): POSIX declares it nowhere

namespace spillway::agent {
namespace {

struct Pipe {
  io::OwnedFd read_end;
  io::OwnedFd write_end;
};

Result<Pipe> open_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return io::os_error(errno, "cannot create pipe");
  return Pipe{.read_end = io::OwnedFd(ends[0]), .write_end = io::OwnedFd(ends[1])};
}

void set_nonblocking(const io::OwnedFd& fd) {
  CHECK(::fcntl(fd.get(), F_SETFL, O_NONBLOCK) == 0);
}

// What the child does between being made and becoming the program.
class SpawnPlan {
 public:
  SpawnPlan() {
    CHECK(::posix_spawn_file_actions_init(&actions_) == 0);
    CHECK(::posix_spawnattr_init(&attributes_) == 0);
    ::sigset_t signals;
    ::sigemptyset(&signals);
    CHECK(::posix_spawnattr_setsigmask(&attributes_, &signals) == 0);
    ::sigfillset(&signals);
    CHECK(::posix_spawnattr_setsigdefault(&attributes_, &signals) == 0);
    CHECK(::posix_spawnattr_setpgroup(&attributes_, 0) == 0);
    CHECK(::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                       POSIX_SPAWN_SETPGROUP) == 0);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  void connect(const io::OwnedFd& from, int to) {
    CHECK(::posix_spawn_file_actions_adddup2(&actions_, from.get(), to) == 0);
  }
  void discard(int fd) {
    CHECK(::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_WRONLY, 0) == 0);
  }

  // Returns 0 or an errno value.
  int run(const std::vector<std::string>& argv, ::pid_t& pid) const {
    std::vector<char*> pointers;
    for (const std::string& argument : argv) {
      pointers.push_back(const_cast<char*>(argument.c_str()));  // exec does not write to it
    }
    pointers.push_back(nullptr);
    return ::posix_spawnp(&pid, pointers[0], &actions_, &attributes_, pointers.data(), environ);
  }

 private:
  ::posix_spawn_file_actions_t actions_{};
  ::posix_spawnattr_t attributes_{};
};

}  // namespace

Result<ChildProcess> ChildProcess::start(const std::vector<std::string>& argv,
                                         ChildStderr error_output) {
  CHECK(!argv.empty());
  TRY_ASSIGN(Pipe input, open_pipe());
  TRY_ASSIGN(Pipe output, open_pipe());
  TRY_ASSIGN(Pipe errors, open_pipe());

  SpawnPlan plan;
  plan.connect(input.read_end, STDIN_FILENO);
  plan.connect(output.write_end, STDOUT_FILENO);
  if (error_output == ChildStderr::kPipe) {
    plan.connect(errors.write_end, STDERR_FILENO);
  } else {
    plan.discard(STDERR_FILENO);
  }

  ChildProcess child;
  if (const int error = plan.run(argv, child.pid_); error != 0) {
    child.pid_ = -1;
    return io::os_error(error, "cannot start command");
  }
  set_nonblocking(output.read_end);
  set_nonblocking(errors.read_end);
  child.input_ = std::move(input.write_end);
  child.output_ = std::move(output.read_end);
  if (error_output == ChildStderr::kPipe) child.error_output_ = std::move(errors.read_end);
  return child;
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)),
      wait_status_(other.wait_status_),
      input_(std::move(other.input_)),
      output_(std::move(other.output_)),
      error_output_(std::move(other.error_output_)) {}

ChildProcess::~ChildProcess() {
  if (pid_ < 0) return;
  signal_group(SIGKILL);
  while (::waitpid(pid_, &wait_status_, 0) < 0 && errno == EINTR) {
  }
}

void ChildProcess::signal_group(int signal) const {
  // As long as the program is not reaped, its id cannot be given to another process or group.
  if (pid_ > 0) ::kill(-pid_, signal);
}

bool ChildProcess::try_reap() {
  if (pid_ < 0) return true;
  const ::pid_t reaped = ::waitpid(pid_, &wait_status_, WNOHANG);
  if (reaped != pid_) return false;
  pid_ = -1;
  return true;
}

std::string ChildProcess::outcome() const {
  if (WIFSIGNALED(wait_status_)) return fmt::format("signal {}", WTERMSIG(wait_status_));
  return fmt::format("exit {}", WEXITSTATUS(wait_status_));
}

}  // namespace spillway::agent
