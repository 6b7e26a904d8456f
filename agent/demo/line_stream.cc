#include "agent/demo/line_stream.h"

#include <fmt/format.h>

#include <utility>

namespace spillway::agent {

LineStream::LineStream(std::filesystem::path directory) : directory_(std::move(directory)) {
  file_.open(directory_ / "app.log", std::ios::app);
}

void LineStream::write_until(std::uint64_t count) {
  for (; written_ < count; ++written_) {
    file_ << fmt::format("demo {:09} level=INFO path=/cart/{:x} status=200 bytes={}\n", written_,
                         written_ * 2654435761U, written_ % 4096);
  }
  file_.flush();
}

void LineStream::rotate() {
  file_.close();
  std::error_code ignored;  // the stream then goes on in the same file
  std::filesystem::rename(directory_ / "app.log",
                          directory_ / fmt::format("app.log.{}", ++rotations_), ignored);
  file_.open(directory_ / "app.log", std::ios::app);
}

}  // namespace spillway::agent
