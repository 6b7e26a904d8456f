// Fuzz target: bytes an HTTP client may send, and what the handlers make of a body. Requests come
// out alike in any pieces and within the limits; a refused body adds no event.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "agent/net/stream_buffer.h"
#include "agent/sources/http_handlers.h"
#include "agent/sources/http_request.h"
#include "agent/sources/inflate_body.h"
#include "channel/event_batch.h"
#include "tests/fuzz/piece_memory.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kBodyBytesMax = 256;

// What became of a stream, request by request.
std::vector<std::string> outcome(std::string_view stream, std::size_t piece_bytes) {
  BodyBudget budget{.bytes_max = 4096};
  std::vector<std::string> seen;
  {
    HttpRequests requests({.header_bytes_max = 512, .body_bytes_max = kBodyBytesMax}, budget);
    StreamBuffer buffer;
    while (!stream.empty()) {
      PieceMemory piece(stream.substr(0, piece_bytes));
      stream.remove_prefix(piece.size());
      buffer.feed(piece.read());
      while (true) {
        std::size_t used = 0;
        const HttpRequests::Next next = requests.next(buffer.view(), used);
        if (next == HttpRequests::Next::kRefused) {
          seen.push_back("refused");
          CHECK(requests.status() >= 400);
          return seen;
        }
        buffer.consume(used);
        if (next == HttpRequests::Next::kNeedMore) break;
        const HttpRequest& request = requests.request();
        CHECK(request.body.size() <= kBodyBytesMax);
        channel::EventBatch batch;
        const HttpHandled handled = handle_json(request, batch);
        CHECK(handled.status == 200 || batch.is_empty());
        static_cast<void>(handle_blob(request, {"a"}, batch));
        seen.push_back(request.method + request.target + request.body +
                       std::to_string(handled.status));
      }
      buffer.settle();
    }
  }
  CHECK(budget.bytes == 0);
  return seen;
}

}  // namespace
}  // namespace spillway::agent

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spillway::agent;
  if (size < 2) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t piece_bytes = 1 + data[1] % 9;
  if (data[0] % 2 == 0) {
    CHECK(outcome(text, piece_bytes) == outcome(text, size));
    return 0;
  }
  // The body alone, in each character set, and as a compressed stream.
  for (const char* type : {"", "x; charset=utf-16", "x; charset=UTF-32"}) {
    HttpRequest request;
    request.content_type = type;
    request.body = text;
    spillway::channel::EventBatch batch;
    CHECK(handle_json(request, batch).status == 200 || batch.is_empty());
  }
  const auto inflated = inflate_body(text, 1000);
  CHECK(!inflated.has_value() || inflated.value().size() <= 1000);
  return 0;
}
