// Lets one call that this program makes into the C library fail: linking failing_calls.cc puts it
// before the library's own functions.
#pragma once

#include <cstdint>
#include <string>

namespace spillway::test {

/// The call with this number, counted from 1 since the last of these functions, does nothing and
/// fails with `os_error`. Calls of other threads count, too: there must be none.
void fail_library_call(std::uint64_t number, int os_error);

/// Every call of this name fails.
void fail_library_calls_of(const std::string& name, int os_error);

/// The next call of this name fails, the ones behind it do not.
void fail_first_library_call_of(const std::string& name, int os_error);

/// Directories are read as file systems give them that do not tell types.
void hide_types();

void let_library_calls_work();

/// Name of the call that failed last; empty: none since the last of the functions above.
std::string failed_library_call();

}  // namespace spillway::test
