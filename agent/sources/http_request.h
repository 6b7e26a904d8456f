// HttpRequests: the requests of one connection, cut out of its bytes and bounded in every part.
//
// The grammar is http-parser's (the library of older Node.js); limits and meaning are ours. Only
// what a source needs is kept: no response headers, no upgrade, no trailers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace spillway::agent {

struct HttpRequest {
  std::string method;
  std::string target;  // path and query as sent
  std::string content_type;
  std::string content_encoding;
  std::string body;
  bool keeps_alive = false;
};

struct HttpLimits {
  std::size_t header_bytes_max = 8192;  // request line and all header lines
  std::size_t body_bytes_max = 67'108'864;
};

/// Bytes of unfinished bodies of all connections of a source; one thread.
struct BodyBudget {
  std::size_t bytes_max = 0;
  std::size_t bytes = 0;
};

/// One per connection. Not thread-safe.
class HttpRequests {
 public:
  /// `budget` outlives the object.
  HttpRequests(const HttpLimits& limits, BodyBudget& budget);
  ~HttpRequests();
  HttpRequests(const HttpRequests&) = delete;
  HttpRequests& operator=(const HttpRequests&) = delete;

  enum class Next : std::uint8_t { kRequest, kNeedMore, kRefused };
  /// Reads the front of `input`; `used` says how much. kRefused is final: status() says why.
  Next next(std::string_view input, std::size_t& used);

  /// The request of the last kRequest.
  [[nodiscard]] HttpRequest& request();

  /// Of kRefused: 400, 413, 431 or 503.
  [[nodiscard]] int status() const;

  /// Asked once: does the client wait for 100 Continue?
  bool takes_continue();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace spillway::agent
