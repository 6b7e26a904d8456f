// Fuzz target: bytes that may be an event. Whatever EventView accepts, the generated code accepts
// with the same content, and both write it back alike.

#include <cstddef>
#include <cstdint>
#include <span>

#include "channel/event.h"
#include "channel/event.pb.h"
#include "channel/event_batch.h"
#include "tests/support/event_proto.h"
#include "wal/base/check.h"

namespace spillway {
namespace {

channel::pb::Event without_unknown_fields(const channel::pb::Event& message) {
  channel::pb::Event known;
  for (const channel::pb::Header& header : message.headers()) {
    channel::pb::Header& copy = *known.add_headers();
    copy.set_key(header.key());
    copy.set_value(header.value());
  }
  known.set_body(message.body());
  return known;
}

void check_event(ByteSpan bytes) {
  const auto event = channel::EventView::parse(bytes);
  if (!event.has_value()) {
    CHECK(event.error().code == Errc::kCorrupt);
    CHECK(event.error().at <= bytes.size());
    return;
  }
  channel::pb::Event message;
  CHECK(message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())));
  CHECK(test::is_same(event.value(), message));

  channel::EventBatch batch;
  batch.add(event.value());         // verbatim
  test::add_event(batch, message);  // encoded anew
  CHECK(as_text(batch[0].encoded()) == as_text(bytes));
  CHECK(batch[0].body() == event.value().body());
  CHECK(as_text(batch[1].encoded()) == without_unknown_fields(message).SerializeAsString());
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::check_event(std::as_bytes(std::span(data, size)));
  return 0;
}
