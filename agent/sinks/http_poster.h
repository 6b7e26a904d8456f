// HttpPoster: POST requests to one URL over a connection that is kept.
//
// libcurl does HTTP and TLS; which answers are good is the sink's business. The answer's body is
// read and forgotten.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::agent {

struct HttpPosterOptions {
  std::string url;
  std::string content_type;
  std::string accept;
  std::string proxy;    // empty: none
  std::string ca_file;  // empty: the system's
  bool trusts_all = false;
  std::uint64_t connect_timeout_ms = 5'000;
  std::uint64_t request_timeout_ms = 5'000;  // from the connection to the end of the answer
};

/// Not thread-safe.
class HttpPoster {
 public:
  explicit HttpPoster(HttpPosterOptions options);
  HttpPoster(const HttpPoster&) = delete;
  HttpPoster& operator=(const HttpPoster&) = delete;
  ~HttpPoster();

  /// kBadConfig when `url` is no http or https URL.
  static Result<void> check_url(const std::string& url);

  struct Answer {
    long status = 0;
    bool is_connection_new = false;
  };

  /// The answer to `body`. kUnavailable, kTimeout: there was none; the connection is given up.
  Result<Answer> post(std::string_view body);

  /// Ends the connection; the next post() makes another one.
  void close();

 private:
  class Connection;

  const HttpPosterOptions options_;
  std::unique_ptr<Connection> connection_;
};

}  // namespace spillway::agent
