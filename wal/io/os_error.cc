#include "wal/io/os_error.h"

#include <cerrno>

namespace spillway::io {
namespace {

Errc code_of(int os_error) {
  switch (os_error) {
    case ENOSPC:
    case EDQUOT:
      return Errc::kNoSpace;
    case ENOENT:
      return Errc::kNotFound;
    case EEXIST:
      return Errc::kExists;
    case EOPNOTSUPP:
    case ENOSYS:
      return Errc::kUnsupported;
    default:
      return Errc::kIo;
  }
}

}  // namespace

Error os_error(int os_error, const char* what) {
  return {.code = code_of(os_error), .os_error = os_error, .what = what};
}

}  // namespace spillway::io
