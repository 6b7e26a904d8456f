#include "agent/recover/new_file.h"

#include <filesystem>
#include <system_error>

#include "wal/base/bytes.h"
#include "wal/io/rename_new.h"

namespace spillway::agent::recover {
namespace {

constexpr ::mode_t kMode = 0640;
constexpr std::size_t kFlushBytes = 1 * kMiB;

}  // namespace

std::string partial_name(const std::string& path) {
  return path + ".partial";
}

NewFile::~NewFile() {
  if (!file_.is_open()) return;
  file_.close();
  std::error_code ignored;
  std::filesystem::remove(partial_name(path_), ignored);
}

Result<void> NewFile::create() {
  TRY_ASSIGN(file_, io::AppendFile::create(partial_name(path_), kMode));
  return {};
}

Result<void> NewFile::flush_if_large() {
  return buffer_.size() < kFlushBytes ? Result<void>() : flush();
}

Result<void> NewFile::flush() {
  TRY(file_.append(as_bytes(buffer_)));
  buffer_.clear();
  return {};
}

Result<void> NewFile::sync() {
  TRY(flush());
  return file_.sync();
}

Result<void> NewFile::publish() {
  TRY(io::rename_new(partial_name(path_), path_));
  file_.close();
  return {};
}

}  // namespace spillway::agent::recover
