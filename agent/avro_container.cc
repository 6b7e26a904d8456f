#include "agent/avro_container.h"

#include <set>

#include "agent/text_encoding.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kMagic("Obj\x01", 4);

// Avro's long: the sign in the lowest bit, then seven bits per byte. Counts are never negative.
void append_count(std::uint64_t count, std::string& out) {
  std::uint64_t rest = count << 1U;
  while (rest > 0x7F) {
    out += static_cast<char>(0x80U | (rest & 0x7FU));
    rest >>= 7U;
  }
  out += static_cast<char>(rest);
}

void append_bytes(std::string_view bytes, std::string& out) {
  append_count(bytes.size(), out);
  out += bytes;
}

}  // namespace

void AvroContainer::append_header(std::string& out) const {
  out += kMagic;
  append_count(2, out);
  append_bytes("avro.schema", out);
  append_bytes(kAvroEventSchema, out);
  append_bytes("avro.codec", out);
  append_bytes("null", out);
  append_count(0, out);
  out.append(marker_.data(), marker_.size());
}

bool AvroContainer::append(const channel::EventView& event, std::string& out) {
  const bool is_exact = append_headers(event);
  append_bytes(event.body(), block_);
  ++block_events_;
  if (block_.size() >= kBlockBytes) append_block(out);
  return is_exact;
}

void AvroContainer::append_block(std::string& out) {
  if (block_events_ == 0) return;
  append_count(block_events_, out);
  append_bytes(block_, out);
  out.append(marker_.data(), marker_.size());
  block_.clear();
  block_events_ = 0;
}

bool AvroContainer::append_headers(const channel::EventView& event) {
  std::uint64_t count = 0;
  event.for_each_header([&count](const channel::HeaderView&) { ++count; });
  if (count > 0) append_count(count, block_);
  bool is_exact = true;
  std::set<std::string_view> keys;
  const auto append_text = [&](std::string_view text) {
    text_.clear();
    append_as_utf8(text, Encoding::kUtf8, text_);
    is_exact = is_exact && text_ == text;
    append_bytes(text_, block_);
  };
  event.for_each_header([&](const channel::HeaderView& header) {
    is_exact = keys.insert(header.key).second && is_exact;
    append_text(header.key);
    append_text(header.value);
  });
  append_count(0, block_);
  return is_exact;
}

}  // namespace spillway::agent
