#include "wal/base/check.h"

#include <cstdio>
#include <cstdlib>

namespace spillway {

void check_failed(const char* file, int line, const char* condition) {
  static_cast<void>(std::fprintf(stderr, "%s:%d: CHECK failed: %s\n", file, line, condition));
  std::abort();
}

}  // namespace spillway
