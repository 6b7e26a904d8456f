// Result<T>: a value, or the Error that explains why there is none.
//
// Names follow std::expected so that a later compiler can make this an alias.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "wal/base/check.h"

namespace spillway {

enum class Errc : std::uint8_t {
  kNoSpace,      // disk or quota full; retry later
  kIo,           // device or kernel error; see os_error
  kCorrupt,      // stored or received bytes contradict their format
  kNotFound,     // file, key or component does not exist
  kExists,       // file to be created is already there
  kLocked,       // another process owns the directory
  kBadConfig,    // operator input rejected
  kTooLarge,     // one item exceeds a documented limit
  kFull,         // channel has no room; retry later
  kTimeout,      // a deadline passed
  kClosed,       // called after close(), or after the first device error
  kUnsupported,  // kernel, file system or build lacks what was asked for
  kUnavailable,  // a remote peer or local process did not answer; retry later
};

/// Lower-case name of `code`, for logs and messages.
const char* errc_name(Errc code);

// Trivially copyable and allocation-free, so it can travel on the hot path.
struct Error {
  Errc code;
  int os_error = 0;       // errno, or 0 when the kernel was not involved
  const char* what = "";  // static string, lower case, no full stop
  std::uint64_t at = 0;   // byte offset the error refers to, if any
};

/// "cannot open file: No such file or directory (not_found, at 4096)".
std::string to_string(const Error& error);

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(error) {}         // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }
  [[nodiscard]] const Error& error() const {
    CHECK(!has_value());
    return *std::get_if<Error>(&state_);
  }
  [[nodiscard]] T& value() {
    CHECK(has_value());
    return *std::get_if<T>(&state_);
  }
  [[nodiscard]] const T& value() const {
    CHECK(has_value());
    return *std::get_if<T>(&state_);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(error) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool has_value() const { return !error_.has_value(); }
  [[nodiscard]] const Error& error() const {
    CHECK(!has_value());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace spillway

// Returns the error to our caller, or goes on.
#define TRY(expression)                                                                     \
  do {                                                                                      \
    if (auto try_result = (expression); !try_result.has_value()) return try_result.error(); \
  } while (false)

// A declaration cannot be put in parentheses. NOLINTBEGIN(bugprone-macro-parentheses)
// TRY_ASSIGN(auto file, open(...)): binds the value, or returns the error to our caller.
#define TRY_ASSIGN(declaration, expression) \
  TRY_ASSIGN_NAMED(TRY_ASSIGN_NAME(try_assign_, __LINE__), declaration, expression)
#define TRY_ASSIGN_NAMED(name, declaration, expression) \
  auto name = (expression);                             \
  if (!(name).has_value()) return (name).error();       \
  declaration = std::move((name).value())
// NOLINTEND(bugprone-macro-parentheses)
#define TRY_ASSIGN_NAME(prefix, line) TRY_ASSIGN_CONCAT(prefix, line)
#define TRY_ASSIGN_CONCAT(prefix, line) prefix##line
