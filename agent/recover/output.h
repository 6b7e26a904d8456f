// Where a command prints: notices once that nobody can read on, and why.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string_view>
#include <utility>

namespace spillway::agent::recover {

/// Not thread-safe. Writes buffered to a stream that outlives it. A reader that went away
/// (`| head`) ends the output quietly; any other error, such as a full disk, is a failure.
class Output {
 public:
  explicit Output(std::FILE* stream) : stream_(stream) {}

  void write(std::string_view text);

  template <class... Arguments>
  void print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    write(fmt::format(format, std::forward<Arguments>(arguments)...));
  }

  void flush();

  /// Nothing more can be written: stop producing.
  [[nodiscard]] bool is_broken() const { return error_ != 0; }

  /// Flushes. `exit_code`, or kExitFailed with a message on standard error when output was lost.
  int finish(int exit_code);

 private:
  void note_error();

  std::FILE* stream_;
  int error_ = 0;  // errno of the first failure
};

}  // namespace spillway::agent::recover
