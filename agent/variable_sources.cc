// What variables find in this process: its environment, files, programs.

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "agent/child_process.h"
#include "agent/variables.h"
#include "wal/io/os_error.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kFileBytesMax = 1U << 20U;
constexpr std::size_t kOutputBytesMax = 1U << 16U;
constexpr std::chrono::seconds kProgramMax{10};
constexpr int kLookMs = 5;  // between two looks whether the program has ended

struct CloseFile {
  void operator()(std::FILE* file) const {
    const int ignored = std::fclose(file);  // only read from: nothing can be lost
    static_cast<void>(ignored);
  }
};

std::optional<std::string> read_environment(const std::string& name) {
  const char* const value = std::getenv(name.c_str());  // NOLINT(concurrency-mt-unsafe)
  if (value == nullptr) return std::nullopt;
  return std::string(value);
}

Result<std::string> read_file(const std::string& path) {
  const std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) return io::os_error(errno, "cannot open file");
  std::string text;
  std::array<char, 4096> chunk{};
  while (text.size() <= kFileBytesMax) {
    const std::size_t count = std::fread(chunk.data(), 1, chunk.size(), file.get());
    text.append(chunk.data(), count);
    if (count < chunk.size()) break;
  }
  if (std::ferror(file.get()) != 0) return io::os_error(errno, "cannot read file");
  if (text.size() > kFileBytesMax) {
    return Error{.code = Errc::kTooLarge, .what = "the file is larger than 1 MiB"};
  }
  return text;
}

/// Until the end of the output, or too much of it; false when the time is up.
bool read_output(ChildProcess& child, std::chrono::steady_clock::time_point deadline,
                 std::string& text) {
  std::array<char, 4096> chunk{};
  while (text.size() <= kOutputBytesMax) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    ::pollfd readable{.fd = child.output().get(), .events = POLLIN, .revents = 0};
    if (::poll(&readable, 1, static_cast<int>(left.count())) <= 0) continue;
    const ::ssize_t count = ::read(child.output().get(), chunk.data(), chunk.size());
    if (count == 0) return true;
    if (count > 0) text.append(chunk.data(), static_cast<std::size_t>(count));
  }
  return true;
}

Result<std::string> run_program(const std::vector<std::string>& argv) {
  const auto deadline = std::chrono::steady_clock::now() + kProgramMax;
  TRY_ASSIGN(ChildProcess child, ChildProcess::start(argv, ChildStderr::kDiscard));
  std::string text;
  const Error late{.code = Errc::kTimeout, .what = "the command did not end within 10 s"};
  if (!read_output(child, deadline, text)) return late;
  if (text.size() > kOutputBytesMax) {
    return Error{.code = Errc::kTooLarge, .what = "the command printed more than 64 KiB"};
  }
  while (!child.try_reap()) {
    if (std::chrono::steady_clock::now() >= deadline) return late;
    ::poll(nullptr, 0, kLookMs);
  }
  if (child.outcome() != "exit 0") {
    return Error{.code = Errc::kNotFound, .what = "the command failed"};
  }
  text.resize(std::min(text.find_first_of("\r\n"), text.size()));
  return text;
}

}  // namespace

VariableSources process_variables(VariableSources::Definitions definitions, bool is_classic) {
  return {.definitions = std::move(definitions),
          .is_classic = is_classic,
          .environment = read_environment,
          .read_file = read_file,
          .run_program = run_program};
}

}  // namespace spillway::agent
