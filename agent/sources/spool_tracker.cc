#include "agent/sources/spool_tracker.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

#include "agent/avro_wire.h"
#include "wal/base/bytes.h"
#include "wal/io/os_error.h"
#include "wal/io/owned_fd.h"
#include "wal/io/replace_file.h"

namespace spillway::agent {
namespace {

// As Avro's Java library prints it.
constexpr std::string_view kSchema = R"({"type":"record","name":"TransferStateFileMeta",)"
                                     R"("namespace":"org.apache.flume.serialization",)"
                                     R"("fields":[{"name":"offset","type":"long"}]})";
constexpr std::string_view kSchemaKey = "avro.schema";
constexpr std::string_view kCodecKey = "avro.codec";
constexpr std::string_view kPathKey = "file";
// Ours; Flume passes over keys it does not know.
constexpr std::string_view kInodeKey = "spillway.inode";
constexpr std::string_view kSizeKey = "spillway.size";
constexpr std::string_view kModifiedKey = "spillway.mtime_ns";

constexpr std::uint64_t kRewriteAtBytes = 1 << 20;
constexpr std::uint64_t kTrackerBytesMax = 256ULL << 20;  // Flume's grow with each batch
constexpr std::uint64_t kBlockBytesMax = 1 << 20;

std::string record_of(std::uint64_t offset_bytes) {
  std::string record;
  append_avro_long(static_cast<std::int64_t>(offset_bytes), record);
  return record;
}

template <class Number>
std::optional<Number> number_of(std::string_view text) {
  Number number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || stop != text.data() + text.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> last_offset_of(const AvroFileBlock& block) {
  AvroInput records(block.data);
  std::optional<std::uint64_t> last;
  for (std::uint64_t i = 0; i < block.count; ++i) {
    const auto offset = records.read_long();
    if (!offset || *offset < 0) break;
    last = static_cast<std::uint64_t>(*offset);
  }
  return last;
}

Result<std::string> read_tracker(int fd) {
  std::string bytes;
  std::array<char, 65'536> piece{};
  while (bytes.size() <= kTrackerBytesMax) {
    const ssize_t count =
        io::retry_interrupted([&] { return ::read(fd, piece.data(), piece.size()); });
    if (count < 0) return io::os_error(errno, "cannot read tracker file");
    if (count == 0) return bytes;
    bytes.append(piece.data(), static_cast<std::size_t>(count));
  }
  return Error{.code = Errc::kCorrupt, .what = "tracker file is too large"};
}

}  // namespace

Result<SpoolPosition> parse_spool_position(std::string_view bytes) {
  TRY_ASSIGN(const auto header, parse_avro_header(bytes));
  if (!header) return Error{.code = Errc::kCorrupt, .what = "tracker file ends in its header"};
  const std::string_view codec = header->meta(kCodecKey);
  if (!codec.empty() && codec != "null") {
    return Error{.code = Errc::kCorrupt, .what = "tracker file is compressed"};
  }
  SpoolPosition position{.path = std::string(header->meta(kPathKey))};
  if (position.path.empty()) {
    return Error{.code = Errc::kCorrupt, .what = "tracker file names no file"};
  }
  const auto inode = number_of<std::uint64_t>(header->meta(kInodeKey));
  const auto size = number_of<std::uint64_t>(header->meta(kSizeKey));
  const auto modified = number_of<std::int64_t>(header->meta(kModifiedKey));
  if (inode && size && modified) {
    position.identity = {
        .path = position.path, .inode = *inode, .size_bytes = *size, .modified_ns = *modified};
  }
  bytes.remove_prefix(header->size_bytes);
  while (!bytes.empty()) {
    const auto block = parse_avro_block(bytes, header->marker, kBlockBytesMax);
    if (!block.has_value() || !block.value()) break;  // written while the machine went down
    if (const auto last = last_offset_of(*block.value())) position.offset_bytes = *last;
    bytes.remove_prefix(block.value()->size_bytes);
  }
  return position;
}

Result<std::optional<SpoolPosition>> SpoolTracker::load() const {
  const io::OwnedFd fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.is_open()) {
    if (errno == ENOENT) return std::optional<SpoolPosition>();
    return io::os_error(errno, "cannot open tracker file");
  }
  TRY_ASSIGN(const std::string bytes, read_tracker(fd.get()));
  TRY_ASSIGN(SpoolPosition position, parse_spool_position(bytes));
  return std::optional<SpoolPosition>(std::move(position));
}

Result<void> SpoolTracker::begin(const SpoolIdentity& identity, std::uint64_t offset_bytes) {
  identity_ = identity;
  return rewrite(offset_bytes);
}

Result<void> SpoolTracker::store(std::uint64_t offset_bytes) {
  if (!out_.is_open() || out_.size_bytes() >= kRewriteAtBytes) return rewrite(offset_bytes);
  std::string block;
  append_avro_block(1, record_of(offset_bytes), marker_, block);
  auto appended = out_.append(as_bytes(block));
  // A half-written record would hide all that follow it.
  if (!appended.has_value() && !out_.cut().has_value()) out_.close();
  return appended;
}

Result<void> SpoolTracker::clear() {
  out_.close();
  if (::unlink(path_.c_str()) == 0 || errno == ENOENT) return {};
  return io::os_error(errno, "cannot delete tracker file");
}

Result<void> SpoolTracker::rewrite(std::uint64_t offset_bytes) {
  out_.close();
  marker_ = random_avro_marker();
  std::string bytes;
  append_avro_header({{kSchemaKey, kSchema},
                      {kCodecKey, "null"},
                      {kPathKey, identity_.path},
                      {kInodeKey, std::to_string(identity_.inode)},
                      {kSizeKey, std::to_string(identity_.size_bytes)},
                      {kModifiedKey, std::to_string(identity_.modified_ns)}},
                     marker_, bytes);
  append_avro_block(1, record_of(offset_bytes), marker_, bytes);
  TRY(io::replace_file(path_, as_bytes(bytes)));
  TRY_ASSIGN(out_, io::AppendFile::open(path_));
  return {};
}

}  // namespace spillway::agent
