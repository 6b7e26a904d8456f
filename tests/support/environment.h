// Sets one environment variable for the length of a scope.
#pragma once

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "wal/base/check.h"

namespace spillway::test {

/// Not thread-safe, as the environment is not: create it before a test starts threads.
class Environment {
 public:
  /// nullptr removes the variable.
  Environment(std::string name, const char* value) : name_(std::move(name)) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    if (const char* const before = std::getenv(name_.c_str())) before_ = before;
    set(value);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { set(before_ ? before_->c_str() : nullptr); }

 private:
  void set(const char* value) const {
    // NOLINTNEXTLINE(concurrency-mt-unsafe)
    CHECK((value == nullptr ? unsetenv(name_.c_str()) : setenv(name_.c_str(), value, 1)) == 0);
  }

  const std::string name_;
  std::optional<std::string> before_;
};

}  // namespace spillway::test
