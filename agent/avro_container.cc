#include "agent/avro_container.h"

#include <set>

#include "agent/avro_wire.h"
#include "agent/text_encoding.h"
#include "wal/base/check.h"

namespace spillway::agent {

void AvroContainer::append_header(std::string& out) const {
  append_avro_header({{"avro.schema", kAvroEventSchema}, {"avro.codec", codec_.name()}}, marker_,
                     out);
}

bool AvroContainer::append(const channel::EventView& event, std::string& out) {
  const bool is_exact = append_headers(event);
  append_avro_bytes(event.body(), block_);
  ++block_events_;
  if (block_.size() >= block_bytes_max_) append_block(out);
  return is_exact;
}

void AvroContainer::append_block(std::string& out) {
  if (block_events_ == 0) return;
  packed_.clear();
  CHECK(codec_.compress(block_, packed_).has_value());  // memory aside, nothing can go wrong
  append_avro_block(block_events_, packed_, marker_, out);
  block_.clear();
  block_events_ = 0;
}

bool AvroContainer::append_headers(const channel::EventView& event) {
  std::int64_t count = 0;
  event.for_each_header([&count](const channel::HeaderView&) { ++count; });
  if (count > 0) append_avro_long(count, block_);
  bool is_exact = true;
  std::set<std::string_view> keys;
  const auto append_text = [&](std::string_view text) {
    text_.clear();
    append_as_utf8(text, Encoding::kUtf8, text_);
    is_exact = is_exact && text_ == text;
    append_avro_bytes(text_, block_);
  };
  event.for_each_header([&](const channel::HeaderView& header) {
    is_exact = keys.insert(header.key).second && is_exact;
    append_text(header.key);
    append_text(header.value);
  });
  append_avro_long(0, block_);
  return is_exact;
}

}  // namespace spillway::agent
