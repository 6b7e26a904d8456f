#include "agent/sinks/http_poster.h"

#include <utility>

#include "agent/curl_library.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::uint64_t kAnswerBytesMax = 16 << 20;

struct FreeUrl {
  const CurlLibrary* curl;
  void operator()(CURLU* url) const { curl->url_cleanup(url); }
};

// What curl hands the answer's body to; 0 ends the transfer.
std::size_t forget_body(char* /*data*/, std::size_t size, std::size_t count, void* total) {
  auto& bytes = *static_cast<std::uint64_t*>(total);
  bytes += size * count;
  return bytes > kAnswerBytesMax ? 0 : size * count;
}

Error error_of(const CurlLibrary& curl, CURLcode code) {
  // curl's sentences are static.
  const Errc kind = code == CURLE_OPERATION_TIMEDOUT ? Errc::kTimeout : Errc::kUnavailable;
  return {.code = kind, .what = curl.easy_strerror(code)};
}

}  // namespace

// One handle of libcurl, and what it refers to.
class HttpPoster::Connection {
 public:
  Connection(const CurlLibrary& curl, const HttpPosterOptions& options)
      : curl_(curl), handle_(curl.easy_init()) {
    CHECK(handle_ != nullptr);
    add_header("Content-Type: " + options.content_type);
    add_header("Accept: " + options.accept);
    add_header("Expect:");  // no round trip before the body
    const auto connect_ms = static_cast<long>(options.connect_timeout_ms);
    set(CURLOPT_URL, options.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_PROXY, options.proxy.c_str());
    set(CURLOPT_POST, 1L);
    set(CURLOPT_HTTPHEADER, headers_);
    set(CURLOPT_USERAGENT, "spillway");
    set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    set(CURLOPT_NOSIGNAL, 1L);  // threads
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    set(CURLOPT_CONNECTTIMEOUT_MS, connect_ms);
    set(CURLOPT_TIMEOUT_MS, connect_ms + static_cast<long>(options.request_timeout_ms));
    set(CURLOPT_WRITEFUNCTION, forget_body);
    set(CURLOPT_SSL_VERIFYPEER, options.trusts_all ? 0L : 1L);
    set(CURLOPT_SSL_VERIFYHOST, options.trusts_all ? 0L : 2L);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    curl_.easy_cleanup(handle_);
    curl_.slist_free_all(headers_);
  }

  Result<Answer> post(std::string_view body) {
    std::uint64_t answer_bytes = 0;
    set(CURLOPT_WRITEDATA, &answer_bytes);
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    set(CURLOPT_POSTFIELDS, body.data());
    const CURLcode code = curl_.easy_perform(handle_);
    if (code != CURLE_OK) return error_of(curl_, code);
    Answer answer;
    long connections = 0;
    curl_.easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &answer.status);
    curl_.easy_getinfo(handle_, CURLINFO_NUM_CONNECTS, &connections);
    answer.is_connection_new = connections > 0;
    return answer;
  }

 private:
  void add_header(const std::string& line) {
    curl_slist* const longer = curl_.slist_append(headers_, line.c_str());
    CHECK(longer != nullptr);
    headers_ = longer;
  }

  template <class Value>
  void set(CURLoption option, Value value) {
    CHECK(curl_.easy_setopt(handle_, option, value) == CURLE_OK);
  }

  const CurlLibrary& curl_;
  CURL* const handle_;
  curl_slist* headers_ = nullptr;
};

HttpPoster::HttpPoster(HttpPosterOptions options) : options_(std::move(options)) {}

HttpPoster::~HttpPoster() = default;

Result<void> HttpPoster::check_url(const std::string& url) {
  TRY_ASSIGN(const CurlLibrary* const curl, CurlLibrary::load());
  const std::unique_ptr<CURLU, FreeUrl> parsed(curl->url(), FreeUrl{curl});
  CHECK(parsed != nullptr);
  char* scheme = nullptr;
  const bool is_url = curl->url_set(parsed.get(), CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
                      curl->url_get(parsed.get(), CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK;
  const std::string name = is_url ? scheme : "";
  curl->free(scheme);
  if (name == "http" || name == "https") return {};
  return Error{.code = Errc::kBadConfig, .what = "endpoint must be an http or https URL"};
}

Result<HttpPoster::Answer> HttpPoster::post(std::string_view body) {
  if (!connection_) {
    TRY_ASSIGN(const CurlLibrary* const curl, CurlLibrary::load());
    connection_ = std::make_unique<Connection>(*curl, options_);
  }
  auto answer = connection_->post(body);
  if (!answer.has_value()) close();
  return answer;
}

void HttpPoster::close() {
  connection_.reset();
}

}  // namespace spillway::agent
