#include "agent/sources/tail_positions.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "wal/base/bytes.h"
#include "wal/base/hash.h"
#include "wal/io/os_error.h"
#include "wal/io/owned_fd.h"
#include "wal/io/replace_file.h"

namespace spillway::agent {
namespace {

using Json = nlohmann::ordered_json;

// One object of either file; whatever is not there stays empty.
struct Entry {
  std::optional<std::uint64_t> inode;
  std::optional<std::uint64_t> offset_bytes;
  std::optional<std::uint64_t> head_bytes;
  std::optional<std::string> path;
  std::optional<std::string> hash;
};

// Collects the objects of an array of flat objects; stops at the first byte that does not belong.
class EntryReader final : public nlohmann::json_sax<Json> {
 public:
  std::vector<Entry> entries;

  bool null() override { return true; }
  bool boolean(bool /*value*/) override { return true; }
  bool number_integer(number_integer_t value) override {
    // Java's long: what does not fit comes out negative. Offsets never are.
    if (key_ == "inode") entry_.inode = static_cast<std::uint64_t>(value);
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (key_ == "inode") entry_.inode = value;
    if (key_ == "pos") entry_.offset_bytes = value;
    if (key_ == "bytes") entry_.head_bytes = value;
    return true;
  }
  bool number_float(number_float_t /*value*/, const string_t& /*text*/) override { return true; }
  bool string(string_t& value) override {
    if (key_ == "file") entry_.path = value;
    if (key_ == "xxh3") entry_.hash = value;
    return true;
  }
  bool binary(binary_t& /*value*/) override { return true; }
  bool start_array(std::size_t /*elements*/) override { return ++depth_ == 1; }
  bool end_array() override {
    --depth_;
    return true;
  }
  bool start_object(std::size_t /*elements*/) override {
    entry_ = {};
    return ++depth_ == 2;
  }
  bool end_object() override {
    --depth_;
    entries.push_back(std::move(entry_));
    return true;
  }
  bool key(string_t& value) override {
    key_ = value;
    return true;
  }
  bool parse_error(std::size_t /*position*/, const std::string& /*token*/,
                   const nlohmann::detail::exception& /*error*/) override {
    return false;
  }

 private:
  int depth_ = 0;  // 1 in the array, 2 in an object of it
  std::string key_;
  Entry entry_;
};

std::optional<std::uint64_t> parse_hash(const std::optional<std::string>& text) {
  std::uint64_t hash = 0;
  if (!text || text->size() != 16) return std::nullopt;
  const char* const end = text->data() + text->size();
  const auto [stop, error] = std::from_chars(text->data(), end, hash, 16);
  if (error != std::errc() || stop != end) return std::nullopt;
  return hash;
}

// One object per line, for people; Flume reads any white space.
std::string format_array(const std::vector<Json>& objects) {
  std::string text = "[";
  for (const Json& object : objects) {
    if (text.size() > 1) text += ",\n";
    // A path that is not UTF-8 cannot be said in JSON; inode and head still find the file.
    text += object.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  return text + "]\n";
}

Result<std::string> read_whole(const std::string& path) {
  const io::OwnedFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.is_open()) return io::os_error(errno, "cannot open position file");
  std::string text;
  std::array<char, 65'536> piece{};
  while (true) {
    const ssize_t count = ::read(fd.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return io::os_error(errno, "cannot read position file");
    if (count == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(count));
  }
}

std::uint64_t hash_of(const std::string& text) {
  return xxh3_64(as_bytes(text), {}, 0);
}

std::string heads_path(const std::string& path) {
  return path + ".heads";
}

}  // namespace

ParsedPositions parse_tail_positions(std::string_view json) {
  EntryReader reader;
  ParsedPositions parsed;
  parsed.is_complete = Json::sax_parse(json.begin(), json.end(), &reader);
  for (Entry& entry : reader.entries) {
    if (!entry.inode || !entry.offset_bytes || !entry.path) {
      parsed.is_complete = false;
      continue;
    }
    parsed.positions.push_back({.inode = *entry.inode,
                                .offset_bytes = *entry.offset_bytes,
                                .path = std::move(*entry.path)});
  }
  return parsed;
}

std::string format_tail_positions(const std::vector<TailPosition>& positions) {
  std::vector<Json> objects;
  objects.reserve(positions.size());
  for (const TailPosition& position : positions) {
    objects.push_back(
        {{"inode", position.inode}, {"pos", position.offset_bytes}, {"file", position.path}});
  }
  return format_array(objects);
}

void parse_tail_heads(std::string_view json, std::vector<TailPosition>& positions) {
  EntryReader reader;
  static_cast<void>(Json::sax_parse(json.begin(), json.end(), &reader));
  std::unordered_map<std::uint64_t, TailHead> heads;
  for (const Entry& entry : reader.entries) {
    const auto hash = parse_hash(entry.hash);
    const bool is_size_possible = entry.head_bytes && *entry.head_bytes <= TailHead::kBytesMax;
    if (!entry.inode || !is_size_possible || !hash) continue;
    heads.insert_or_assign(*entry.inode, TailHead{.size_bytes = *entry.head_bytes, .hash = *hash});
  }
  for (TailPosition& position : positions) {
    const auto found = heads.find(position.inode);
    if (found != heads.end()) position.head = found->second;
  }
}

std::string format_tail_heads(const std::vector<TailPosition>& positions) {
  std::vector<Json> objects;
  for (const TailPosition& position : positions) {
    if (position.head.size_bytes == 0) continue;
    objects.push_back({{"inode", position.inode},
                       {"bytes", position.head.size_bytes},
                       {"xxh3", fmt::format("{:016x}", position.head.hash)}});
  }
  return format_array(objects);
}

Result<ParsedPositions> load_tail_positions(const std::string& path) {
  const auto text = read_whole(path);
  if (!text.has_value()) {
    if (text.error().code == Errc::kNotFound) return ParsedPositions{};
    return text.error();
  }
  ParsedPositions parsed = parse_tail_positions(text.value());
  parsed.hash = hash_of(text.value());
  const auto heads = read_whole(heads_path(path));
  if (heads.has_value()) parse_tail_heads(heads.value(), parsed.positions);
  return parsed;
}

Result<std::uint64_t> save_tail_positions(const std::string& path,
                                          const std::vector<TailPosition>& positions) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  if (error) return io::os_error(error.value(), "cannot create directory of position file");
  TRY(io::replace_file(heads_path(path), as_bytes(format_tail_heads(positions))));
  const std::string text = format_tail_positions(positions);
  TRY(io::replace_file(path, as_bytes(text)));
  return hash_of(text);
}

}  // namespace spillway::agent
