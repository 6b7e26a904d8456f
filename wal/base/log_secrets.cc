#include "wal/base/log_secrets.h"

#include <algorithm>
#include <atomic>

#include "wal/base/mutex.h"

namespace spillway {
namespace {

constexpr std::string_view kStars = "***";

struct Hidden {
  Mutex mutex;
  std::vector<std::string> secrets GUARDED_BY(mutex);  // the longest first: one may contain another
  std::atomic<bool> is_any{false};
};

Hidden& hidden() {
  static Hidden all;
  return all;
}

}  // namespace

void hide_in_log(const std::vector<std::string>& secrets) {
  Hidden& all = hidden();
  const MutexLock lock(all.mutex);
  for (const std::string& secret : secrets) {
    const bool is_known =
        std::find(all.secrets.begin(), all.secrets.end(), secret) != all.secrets.end();
    if (secret.size() >= kHiddenBytesMin && !is_known) all.secrets.push_back(secret);
  }
  std::stable_sort(all.secrets.begin(), all.secrets.end(),
                   [](const auto& a, const auto& b) { return a.size() > b.size(); });
  all.is_any.store(!all.secrets.empty());
}

std::string shown_in_log(std::string_view text) {
  std::string shown(text);
  Hidden& all = hidden();
  if (!all.is_any.load()) return shown;
  const MutexLock lock(all.mutex);
  for (const std::string& secret : all.secrets) {
    for (std::size_t at = shown.find(secret); at != std::string::npos;
         at = shown.find(secret, at + kStars.size())) {
      shown.replace(at, secret.size(), kStars);
    }
  }
  return shown;
}

}  // namespace spillway
