#include "wal/base/result.h"

#include <fmt/format.h>

#include <system_error>

namespace spillway {

const char* errc_name(Errc code) {
  switch (code) {
    case Errc::kNoSpace:
      return "no_space";
    case Errc::kIo:
      return "io";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kNotFound:
      return "not_found";
    case Errc::kExists:
      return "exists";
    case Errc::kLocked:
      return "locked";
    case Errc::kBadConfig:
      return "bad_config";
    case Errc::kTooLarge:
      return "too_large";
    case Errc::kFull:
      return "full";
    case Errc::kTimeout:
      return "timeout";
    case Errc::kClosed:
      return "closed";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kUnavailable:
      return "unavailable";
  }
  return "unknown";
}

std::string to_string(const Error& error) {
  std::string text = error.what;
  if (error.os_error != 0) {
    text += fmt::format(": {}", std::generic_category().message(error.os_error));
  }
  if (error.at != 0) return fmt::format("{} ({}, at {})", text, errc_name(error.code), error.at);
  return fmt::format("{} ({})", text, errc_name(error.code));
}

}  // namespace spillway
