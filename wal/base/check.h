// Invariant checks. They state what the program guarantees to itself; they are never used on
// bytes read from disk, on the network or on configuration (those are Result errors).
#pragma once

namespace spillway {

[[noreturn]] void check_failed(const char* file, int line, const char* condition);

}  // namespace spillway

// CHECK is compiled into every build. One condition per CHECK, so that the message is exact.
#define CHECK(condition)                                        \
  do {                                                          \
    if (!(condition)) [[unlikely]] {                            \
      ::spillway::check_failed(__FILE__, __LINE__, #condition); \
    }                                                           \
  } while (false)

// DCHECK is for checks too slow for production; it still has to compile there.
#ifdef NDEBUG
#define DCHECK(condition) static_cast<void>(sizeof(condition))
#else
#define DCHECK(condition) CHECK(condition)
#endif
