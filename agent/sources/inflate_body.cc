#include "agent/sources/inflate_body.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <climits>

namespace spillway::agent {
namespace {

constexpr int kGzipOrZlib = 15 + 32;  // window bits: the header says which

class Inflater {
 public:
  Inflater() { is_ready_ = inflateInit2(&stream, kGzipOrZlib) == Z_OK; }
  ~Inflater() {
    if (is_ready_) inflateEnd(&stream);
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  [[nodiscard]] bool is_ready() const { return is_ready_; }

  ::z_stream stream{};

 private:
  bool is_ready_ = false;
};

}  // namespace

Result<std::string> inflate_body(std::string_view bytes, std::size_t bytes_max) {
  Inflater inflater;
  if (!inflater.is_ready() || bytes.size() > UINT_MAX) {
    return Error{.code = Errc::kTooLarge, .what = "cannot decompress"};
  }
  std::string input(bytes);  // zlib takes no const
  inflater.stream.next_in = reinterpret_cast<Bytef*>(input.data());
  inflater.stream.avail_in = static_cast<unsigned>(input.size());
  std::string out;
  std::array<char, 65'536> piece{};
  int status = Z_OK;
  while (status != Z_STREAM_END) {
    inflater.stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    inflater.stream.avail_out = piece.size();
    status = inflate(&inflater.stream, Z_NO_FLUSH);
    const std::size_t count = piece.size() - inflater.stream.avail_out;
    if ((status != Z_OK && status != Z_STREAM_END) || (status == Z_OK && count == 0)) {
      return Error{.code = Errc::kCorrupt, .what = "the body is no gzip or zlib stream"};
    }
    if (count > bytes_max - out.size()) {
      return Error{.code = Errc::kTooLarge, .what = "the decompressed body is too large"};
    }
    out.append(piece.data(), count);
  }
  if (inflater.stream.avail_in > 0) {
    return Error{.code = Errc::kCorrupt, .what = "bytes follow the compressed body"};
  }
  return out;
}

}  // namespace spillway::agent
