// Values that no log line may show: passwords and what came out of a secret store.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace spillway {

/// Shorter ones would be found in ordinary words; they are not hidden.
inline constexpr std::size_t kHiddenBytesMin = 6;

/// From now on these are three stars in the values of log lines, with those given before.
/// Process-wide, thread-safe.
void hide_in_log(const std::vector<std::string>& secrets);

/// `text` as a log line may show it. Thread-safe; costs nothing while there are no secrets.
std::string shown_in_log(std::string_view text);

}  // namespace spillway
