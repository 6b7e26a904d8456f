#include "agent/sinks/http_poster.h"

#include <curl/curl.h>

#include <utility>

#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 16 << 20;

struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

// libcurl's one-time work is not thread-safe; a static is.
bool initialise_curl() {
  static const bool is_done = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  return is_done;
}

// What curl hands the answer's body to; 0 ends the transfer.
std::size_t forget_body(char* /*data*/, std::size_t size, std::size_t count, void* total) {
  auto& bytes = *static_cast<std::uint64_t*>(total);
  bytes += size * count;
  return bytes > kAnswerBytesMax ? 0 : size * count;
}

Error error_of(CURLcode code) {
  // curl's sentences are static.
  const Errc kind = code == CURLE_OPERATION_TIMEDOUT ? Errc::kTimeout : Errc::kUnavailable;
  return {.code = kind, .what = curl_easy_strerror(code)};
}

template <class Value>
void set(CURL* handle, CURLoption option, Value value) {
  CHECK(curl_easy_setopt(handle, option, value) == CURLE_OK);
}

}  // namespace

struct HttpPoster::Headers {
  Headers() = default;
  Headers(const Headers&) = delete;
  Headers& operator=(const Headers&) = delete;
  ~Headers() { curl_slist_free_all(list); }

  void add(const std::string& line) {
    curl_slist* const longer = curl_slist_append(list, line.c_str());
    CHECK(longer != nullptr);
    list = longer;
  }

  curl_slist* list = nullptr;
};

void HttpPoster::FreeHandle::operator()(void* handle) const {
  curl_easy_cleanup(handle);
}

HttpPoster::HttpPoster(HttpPosterOptions options)
    : options_(std::move(options)), headers_(std::make_unique<Headers>()) {
  headers_->add("Content-Type: " + options_.content_type);
  headers_->add("Accept: " + options_.accept);
  headers_->add("Expect:");  // no round trip before the body
}

HttpPoster::~HttpPoster() = default;

Result<void> HttpPoster::check_url(const std::string& url) {
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl_url());
  CHECK(parsed != nullptr);
  char* scheme = nullptr;
  const bool is_url = curl_url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
                      curl_url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
  const std::string name = is_url ? scheme : "";
  curl_free(scheme);
  if (name == "http" || name == "https") return {};
  return Error{.code = Errc::kBadConfig, .what = "endpoint must be an http or https URL"};
}

Result<HttpPoster::Answer> HttpPoster::post(std::string_view body) {
  TRY(open());
  CURL* const handle = handle_.get();
  std::uint64_t answer_bytes = 0;
  set(handle, CURLOPT_WRITEDATA, &answer_bytes);
  set(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  set(handle, CURLOPT_POSTFIELDS, body.data());
  const CURLcode code = curl_easy_perform(handle);
  if (code != CURLE_OK) {
    close();
    return error_of(code);
  }
  Answer answer;
  long connections = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &answer.status);
  curl_easy_getinfo(handle, CURLINFO_NUM_CONNECTS, &connections);
  answer.is_connection_new = connections > 0;
  return answer;
}

void HttpPoster::close() {
  handle_.reset();
}

Result<void> HttpPoster::open() {
  if (handle_) return {};
  if (initialise_curl()) handle_.reset(curl_easy_init());
  if (!handle_) return Error{.code = Errc::kUnavailable, .what = "libcurl cannot be set up"};
  CURL* const handle = handle_.get();
  const auto connect_ms = static_cast<long>(options_.connect_timeout_ms);
  set(handle, CURLOPT_URL, options_.url.c_str());
  set(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  set(handle, CURLOPT_PROXY, options_.proxy.c_str());
  set(handle, CURLOPT_POST, 1L);
  set(handle, CURLOPT_HTTPHEADER, headers_->list);
  set(handle, CURLOPT_USERAGENT, "spillway");
  set(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  set(handle, CURLOPT_NOSIGNAL, 1L);  // threads
  set(handle, CURLOPT_TCP_KEEPALIVE, 1L);
  set(handle, CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
  set(handle, CURLOPT_TIMEOUT_MS, connect_ms + static_cast<long>(options_.request_timeout_ms));
  set(handle, CURLOPT_WRITEFUNCTION, forget_body);
  set(handle, CURLOPT_SSL_VERIFYPEER, options_.trusts_all ? 0L : 1L);
  set(handle, CURLOPT_SSL_VERIFYHOST, options_.trusts_all ? 0L : 2L);
  if (!options_.ca_file.empty()) set(handle, CURLOPT_CAINFO, options_.ca_file.c_str());
  return {};
}

}  // namespace spillway::agent
