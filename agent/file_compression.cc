#include "agent/file_compression.h"

#include <zlib.h>

#ifdef SPILLWAY_HAS_ZSTD
#include <zstd.h>
#endif

#include "wal/base/check.h"

namespace spillway::agent {
namespace {

void gzip(std::string_view data, std::string& out) {
  constexpr int kGzipWindow = 15 + 16;  // 15 bits, with gzip's header and trailer
  constexpr int kMemoryLevel = 8;
  z_stream stream{};
  CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzipWindow, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  CHECK(data.size() <= UINT32_MAX);
  const std::size_t begin = out.size();
  out.resize(begin + deflateBound(&stream, data.size()));
  // zlib's interface is not const. NOLINTBEGIN
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.next_out = reinterpret_cast<Bytef*>(&out[begin]);
  // NOLINTEND
  stream.avail_in = static_cast<uInt>(data.size());
  stream.avail_out = static_cast<uInt>(out.size() - begin);
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(begin + stream.total_out);
  deflateEnd(&stream);
}

#ifdef SPILLWAY_HAS_ZSTD
void zstd(std::string_view data, std::string& out) {
  const std::size_t begin = out.size();
  out.resize(begin + ZSTD_compressBound(data.size()));
  const std::size_t size =
      ZSTD_compress(&out[begin], out.size() - begin, data.data(), data.size(), ZSTD_CLEVEL_DEFAULT);
  CHECK(ZSTD_isError(size) == 0);
  out.resize(begin + size);
}
#endif

}  // namespace

Result<FileCompression> FileCompression::named(std::string_view name) {
  if (name == "none") return FileCompression(Kind::kNone);
  if (name == "gzip") return FileCompression(Kind::kGzip);
#ifdef SPILLWAY_HAS_ZSTD
  if (name == "zstd") return FileCompression(Kind::kZstd);
#endif
  return Error{.code = Errc::kUnsupported, .what = "this build does not have the compression"};
}

std::string_view FileCompression::suffix() const {
  switch (kind_) {
    case Kind::kGzip:
      return ".gz";
    case Kind::kZstd:
      return ".zst";
    case Kind::kNone:
      break;
  }
  return "";
}

void FileCompression::compress(std::string_view data, std::string& out) const {
  switch (kind_) {
    case Kind::kGzip:
      return gzip(data, out);
    case Kind::kZstd:
#ifdef SPILLWAY_HAS_ZSTD
      return zstd(data, out);
#endif
    case Kind::kNone:
      break;
  }
  out += data;
}

}  // namespace spillway::agent
