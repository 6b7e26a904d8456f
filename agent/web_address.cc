#include "agent/web_address.h"

#include <fmt/format.h>

#include <array>
#include <memory>

#include "agent/curl_library.h"
#include "agent/option_value.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
constexpr long kTimeoutMs = 10'000;
constexpr long kRedirectsMax = 5;
constexpr long kStatusFine = 200;

// Where user and password stand in an address, and the '@' behind them; empty when there are none.
struct Credentials {
  std::size_t begin = 0;
  std::size_t end = 0;
};

Credentials find_credentials(std::string_view address) {
  const std::size_t scheme = address.find("://");
  if (!is_web_address(address) || scheme == std::string_view::npos) return {};
  const std::size_t begin = scheme + 3;
  const std::string_view host = address.substr(begin, address.find_first_of("/?#", begin) - begin);
  const std::size_t at = host.rfind('@');
  return {.begin = begin, .end = at == std::string_view::npos ? begin : begin + at + 1};
}

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (is_unreserved(c)) {
      encoded += c;
    } else {
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string decoded;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_escape = text[at] == '%' && at + 2 < text.size() && digit_of(text[at + 1]) >= 0 &&
                           digit_of(text[at + 2]) >= 0;
    decoded += is_escape ? static_cast<char>(digit_of(text[at + 1]) * 16 + digit_of(text[at + 2]))
                         : text[at];
    if (is_escape) at += 2;
  }
  return decoded;
}

struct Body {
  std::string& text;
  std::size_t bytes_max;
};

// What curl hands the answer's body to; 0 ends the transfer.
std::size_t keep_body(char* data, std::size_t size, std::size_t count, void* target) {
  const auto& body = *static_cast<Body*>(target);
  if (body.text.size() + size * count > body.bytes_max) return 0;
  body.text.append(data, size * count);
  return size * count;
}

struct FreeHandle {
  const CurlLibrary* curl;
  void operator()(CURL* handle) const { curl->easy_cleanup(handle); }
};

}  // namespace

bool is_web_address(std::string_view path) {
  const std::string scheme = to_lower(path.substr(0, path.find("://")));
  return path.size() > scheme.size() && (scheme == "http" || scheme == "https");
}

std::string shown_address(std::string_view address) {
  const Credentials found = find_credentials(address);
  return std::string(address.substr(0, found.begin)).append(address.substr(found.end));
}

std::string with_credentials(const std::string& address, std::string_view user,
                             std::string_view password) {
  const Credentials found = find_credentials(address);
  if (found.end > found.begin || (user.empty() && password.empty())) return address;
  return fmt::format("{}{}:{}@{}", address.substr(0, found.begin), percent_encoded(user),
                     percent_encoded(password), address.substr(found.begin));
}

std::vector<std::string> secrets_of_address(std::string_view address) {
  const Credentials found = find_credentials(address);
  if (found.end == found.begin) return {};
  const std::string_view all = address.substr(found.begin, found.end - found.begin - 1);
  const std::size_t colon = all.find(':');
  if (colon == std::string_view::npos || colon + 1 == all.size()) return {};
  const std::string_view password = all.substr(colon + 1);
  return {std::string(password), percent_decoded(password)};
}

std::optional<std::string> fetch_address(const std::string& address, std::size_t bytes_max,
                                         std::string& text) {
  const auto curl = CurlLibrary::load();
  if (!curl.has_value()) return to_string(curl.error());
  const CurlLibrary& api = *curl.value();
  const std::unique_ptr<CURL, FreeHandle> handle(api.easy_init(), FreeHandle{&api});
  CHECK(handle != nullptr);
  const auto set = [&](CURLoption option, auto value) {
    CHECK(api.easy_setopt(handle.get(), option, value) == CURLE_OK);
  };
  text.clear();
  Body body{.text = text, .bytes_max = bytes_max};
  std::array<char, CURL_ERROR_SIZE> detail{};
  set(CURLOPT_URL, address.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_FOLLOWLOCATION, 1L);
  set(CURLOPT_MAXREDIRS, kRedirectsMax);
  set(CURLOPT_USERAGENT, "spillway");
  set(CURLOPT_NOSIGNAL, 1L);  // threads
  set(CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  set(CURLOPT_TIMEOUT_MS, kTimeoutMs);
  set(CURLOPT_ERRORBUFFER, detail.data());
  set(CURLOPT_WRITEFUNCTION, keep_body);
  set(CURLOPT_WRITEDATA, &body);
  const CURLcode code = api.easy_perform(handle.get());
  long status = 0;
  api.easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (code == CURLE_WRITE_ERROR) return fmt::format("is larger than {} bytes", bytes_max);
  if (code != CURLE_OK) return detail[0] != '\0' ? detail.data() : api.easy_strerror(code);
  if (status != kStatusFine) return fmt::format("the server answered with status {}", status);
  return std::nullopt;
}

}  // namespace spillway::agent
