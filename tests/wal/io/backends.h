// The FileSystems that must keep one contract, for parameterised tests.
#pragma once

#include <memory>
#include <string>

#include "tests/support/sim_disk.h"
#include "tests/support/temp_dir.h"
#include "wal/io/posix_file_system.h"

namespace spillway::test {

/// One file system and a directory of it that exists and is empty.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual io::FileSystem& files() = 0;
  [[nodiscard]] virtual std::string path() const = 0;
};

class PosixBackend final : public Backend {
 public:
  explicit PosixBackend(const char* parent) : dir_(parent) {}
  io::FileSystem& files() override { return files_; }
  [[nodiscard]] std::string path() const override { return dir_.path().string(); }

 private:
  io::PosixFileSystem files_;
  const TempDir dir_;
};

class SimBackend final : public Backend {
 public:
  io::FileSystem& files() override { return disk_; }
  [[nodiscard]] std::string path() const override { return "/sim"; }

 private:
  SimDisk disk_;
};

struct BackendCase {
  const char* name = "";
  std::unique_ptr<Backend> (*make)() = nullptr;
};

inline std::unique_ptr<Backend> make_disk_backend() {
  return std::make_unique<PosixBackend>("");
}

inline std::unique_ptr<Backend> make_memory_backend() {
  return std::make_unique<PosixBackend>("/dev/shm");
}

inline std::unique_ptr<Backend> make_sim_backend() {
  return std::make_unique<SimBackend>();
}

}  // namespace spillway::test
