#include "agent/secrets.h"

#include <algorithm>
#include <array>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kStars = "***";
// Shorter ones are parts of ordinary words.
constexpr std::size_t kAnywhereMin = 6;

constexpr std::array<std::string_view, 9> kSecretWords{"password", "passwd",  "passphrase",
                                                       "secret",   "token",   "credential",
                                                       "apikey",   "api-key", "privatekey"};
constexpr std::array<std::string_view, 6> kPlaceEndings{"file", "path",     "dir",
                                                        "dirs", "provider", "type"};

bool is_word_byte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

bool stands_alone(std::string_view text, std::size_t at, std::size_t size) {
  const bool is_free_before = at == 0 || !is_word_byte(text[at - 1]);
  const bool is_free_behind = at + size >= text.size() || !is_word_byte(text[at + size]);
  return is_free_before && is_free_behind;
}

void replace_all(std::string& text, std::string_view what, bool is_word) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at)) {
    if (is_word && !stands_alone(text, at, what.size())) {
      at += what.size();
      continue;
    }
    text.replace(at, what.size(), kStars);
    at += kStars.size();
  }
}

}  // namespace

bool is_secret_key(std::string_view key) {
  const std::string lower = to_lower(key.substr(key.rfind('.') + 1));
  const auto ends = [&lower](std::string_view ending) { return lower.ends_with(ending); };
  if (std::any_of(kPlaceEndings.begin(), kPlaceEndings.end(), ends)) return false;
  return std::any_of(kSecretWords.begin(), kSecretWords.end(), [&lower](std::string_view word) {
    return lower.find(word) != std::string::npos;
  });
}

void add_secret(std::string_view value, std::vector<std::string>& secrets) {
  if (value.empty()) return;
  secrets.emplace_back(value);
  for (std::string& word : split_words(value)) {
    if (word != value) secrets.push_back(std::move(word));
  }
}

std::string without_secrets(std::string text, const std::vector<std::string>& secrets) {
  // The longest first: one may be a part of another.
  std::vector<std::string_view> sorted(secrets.begin(), secrets.end());
  std::sort(sorted.begin(), sorted.end(),
            [](std::string_view a, std::string_view b) { return a.size() > b.size(); });
  for (const std::string_view secret : sorted) {
    replace_all(text, in_quotes(secret), false);  // escaped, or cut
    replace_all(text, secret, secret.size() < kAnywhereMin);
  }
  return text;
}

void hide_secrets(const std::vector<std::string>& secrets, std::vector<ConfigProblem>& problems) {
  if (secrets.empty()) return;
  for (ConfigProblem& problem : problems) {
    problem.reason = without_secrets(std::move(problem.reason), secrets);
  }
}

}  // namespace spillway::agent
