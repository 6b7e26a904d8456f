#include "wal/io/os_error.h"

namespace spillway::io {
namespace {

Errc code_of(int os_error) {
  switch (os_error) {
    case ENOSPC:
    case EDQUOT:
      return Errc::kNoSpace;
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EEXIST:
      return Errc::kExists;
    case EFBIG:
      return Errc::kTooLarge;
    case EOPNOTSUPP:
    case ENOSYS:
      return Errc::kUnsupported;
    default:  // EIO, EROFS, EACCES, EMFILE and the rest: os_error says which
      return Errc::kIo;
  }
}

}  // namespace

Error os_error(int os_error, const char* what, std::uint64_t at) {
  return {.code = code_of(os_error), .os_error = os_error, .what = what, .at = at};
}

}  // namespace spillway::io
