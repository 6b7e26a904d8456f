#include "agent/avro_codec.h"

#include <zlib.h>

#include <array>
#include <memory>

#ifdef SPILLWAY_HAS_SNAPPY
#include <snappy.h>
#endif
#ifdef SPILLWAY_HAS_ZSTD
#include <zstd.h>
#endif

#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kPieceBytes = 65'536;
constexpr int kRawDeflate = -15;  // no zlib header
constexpr Error kDamaged{.code = Errc::kCorrupt, .what = "compressed block is damaged"};
constexpr Error kTooLargeBlock{.code = Errc::kTooLarge, .what = "block decompresses to too much"};

z_stream stream_over(std::string_view data) {
  z_stream stream{};
  CHECK(data.size() <= UINT32_MAX);
  // zlib's interface is not const. NOLINTNEXTLINE
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  return stream;
}

// Runs `step` (deflate or inflate) to the end of the stream.
template <class Step>
Result<void> run(z_stream& stream, std::size_t bytes_max, std::string& out, Step step) {
  const std::size_t begin = out.size();
  std::array<char, kPieceBytes> piece{};
  while (true) {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): zlib's byte
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = piece.size();
    const int outcome = step(&stream);
    const std::size_t made = piece.size() - stream.avail_out;
    if (out.size() - begin + made > bytes_max) return kTooLargeBlock;
    out.append(piece.data(), made);
    if (outcome == Z_STREAM_END) return {};
    if (outcome != Z_OK || made == 0) return kDamaged;
  }
}

Result<void> deflate_raw(std::string_view data, std::string& out) {
  z_stream stream = stream_over(data);
  constexpr int kMemoryLevel = 8;
  CHECK(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRawDeflate, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) == Z_OK);
  auto outcome = run(stream, SIZE_MAX, out, [](z_stream* s) { return deflate(s, Z_FINISH); });
  deflateEnd(&stream);
  return outcome;
}

Result<void> inflate_raw(std::string_view data, std::size_t bytes_max, std::string& out) {
  z_stream stream = stream_over(data);
  CHECK(inflateInit2(&stream, kRawDeflate) == Z_OK);
  auto outcome = run(stream, bytes_max, out, [](z_stream* s) { return inflate(s, Z_NO_FLUSH); });
  inflateEnd(&stream);
  return outcome;
}

#ifdef SPILLWAY_HAS_SNAPPY
constexpr std::size_t kSnappyCrcBytes = 4;  // of the data, big endian, behind it

std::string crc_of(std::string_view data) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): zlib's byte
  const auto crc = crc32_z(0, reinterpret_cast<const Bytef*>(data.data()), data.size());
  std::string bytes;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    bytes += static_cast<char>((crc >> (shift - 8)) & 0xFFU);
  }
  return bytes;
}

Result<void> snappy_decompress(std::string_view data, std::size_t bytes_max, std::string& out) {
  if (data.size() < kSnappyCrcBytes) return kDamaged;
  const std::string_view packed = data.substr(0, data.size() - kSnappyCrcBytes);
  std::size_t size = 0;
  if (!snappy::GetUncompressedLength(packed.data(), packed.size(), &size)) return kDamaged;
  if (size > bytes_max) return kTooLargeBlock;
  std::string plain;
  if (!snappy::Uncompress(packed.data(), packed.size(), &plain)) return kDamaged;
  if (crc_of(plain) != data.substr(packed.size())) return kDamaged;
  out += plain;
  return {};
}
#endif

#ifdef SPILLWAY_HAS_ZSTD
struct FreeStream {
  void operator()(ZSTD_DStream* stream) const { ZSTD_freeDStream(stream); }
};

Result<void> zstd_decompress(std::string_view data, std::size_t bytes_max, std::string& out) {
  const std::unique_ptr<ZSTD_DStream, FreeStream> stream(ZSTD_createDStream());
  CHECK(stream != nullptr);
  constexpr int kWindowLogMax = 27;  // 128 MiB, as much as zstd itself takes
  CHECK(ZSTD_isError(ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kWindowLogMax)) ==
        0);
  const std::size_t begin = out.size();
  std::array<char, kPieceBytes> piece{};
  ZSTD_inBuffer input{data.data(), data.size(), 0};
  while (true) {
    ZSTD_outBuffer output{piece.data(), piece.size(), 0};
    const std::size_t left = ZSTD_decompressStream(stream.get(), &output, &input);
    if (ZSTD_isError(left) != 0) return kDamaged;
    if (out.size() - begin + output.pos > bytes_max) return kTooLargeBlock;
    out.append(piece.data(), output.pos);
    if (left == 0 && input.pos == input.size) return {};
    if (output.pos == 0 && input.pos == input.size) return kDamaged;
  }
}

Result<void> zstd_compress(std::string_view data, std::string& out) {
  std::string packed(ZSTD_compressBound(data.size()), '\0');
  const std::size_t size =
      ZSTD_compress(packed.data(), packed.size(), data.data(), data.size(), ZSTD_CLEVEL_DEFAULT);
  CHECK(ZSTD_isError(size) == 0);
  out.append(packed, 0, size);
  return {};
}
#endif

}  // namespace

Result<AvroCodec> AvroCodec::named(std::string_view name) {
  if (name.empty() || name == "null") return AvroCodec(Kind::kNull);
  if (name == "deflate") return AvroCodec(Kind::kDeflate);
#ifdef SPILLWAY_HAS_SNAPPY
  if (name == "snappy") return AvroCodec(Kind::kSnappy);
#endif
#ifdef SPILLWAY_HAS_ZSTD
  if (name == "zstd" || name == "zstandard") return AvroCodec(Kind::kZstandard);
#endif
  return Error{.code = Errc::kUnsupported, .what = "this build does not have the Avro codec"};
}

std::string_view AvroCodec::name() const {
  switch (kind_) {
    case Kind::kNull:
      break;
    case Kind::kDeflate:
      return "deflate";
    case Kind::kSnappy:
      return "snappy";
    case Kind::kZstandard:
      return "zstandard";
  }
  return "null";
}

Result<void> AvroCodec::compress(std::string_view data, std::string& out) const {
  switch (kind_) {
    case Kind::kNull:
      break;
    case Kind::kDeflate:
      return deflate_raw(data, out);
    case Kind::kSnappy: {
#ifdef SPILLWAY_HAS_SNAPPY
      std::string packed;
      snappy::Compress(data.data(), data.size(), &packed);
      out += packed;
      out += crc_of(data);
#endif
      return {};
    }
    case Kind::kZstandard:
#ifdef SPILLWAY_HAS_ZSTD
      return zstd_compress(data, out);
#endif
      break;
  }
  out += data;
  return {};
}

Result<void> AvroCodec::decompress(std::string_view data, std::size_t bytes_max,
                                   std::string& out) const {
  switch (kind_) {
    case Kind::kNull:
      break;
    case Kind::kDeflate:
      return inflate_raw(data, bytes_max, out);
    case Kind::kSnappy:
#ifdef SPILLWAY_HAS_SNAPPY
      return snappy_decompress(data, bytes_max, out);
#endif
      break;
    case Kind::kZstandard:
#ifdef SPILLWAY_HAS_ZSTD
      return zstd_decompress(data, bytes_max, out);
#endif
      break;
  }
  if (data.size() > bytes_max) return kTooLargeBlock;
  out += data;
  return {};
}

}  // namespace spillway::agent
