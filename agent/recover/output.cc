#include "agent/recover/output.h"

#include <cerrno>
#include <system_error>

#include "agent/cli.h"

namespace spillway::agent::recover {

void Output::write(std::string_view text) {
  if (is_broken() || text.empty()) return;
  errno = 0;
  if (std::fwrite(text.data(), 1, text.size(), stream_) != text.size()) note_error();
}

void Output::flush() {
  if (is_broken()) return;
  errno = 0;
  if (std::fflush(stream_) != 0) note_error();
}

int Output::finish(int exit_code) {
  flush();
  if (!is_broken() || error_ == EPIPE) return exit_code;
  fmt::print(stderr, "cannot write the output: {}\n",
             std::error_code(error_, std::generic_category()).message());
  return kExitFailed;
}

void Output::note_error() {
  error_ = errno != 0 ? errno : EIO;
}

}  // namespace spillway::agent::recover
