// A batch gives back exactly the events that were added, and its bytes are the protobuf encoding
// of `repeated bytes entry = 1`.

#include "channel/event_batch.h"

#include <google/protobuf/io/coded_stream.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/support/event_proto.h"
#include "wal/base/random.h"

namespace spillway::channel {
namespace {

using namespace std::string_view_literals;

TEST(EventBatchTest, GivesBackEveryEventThatWasAdded) {
  Random random(1);
  std::vector<pb::Event> messages;
  EventBatch batch;
  for (int i = 0; i < 500; ++i) {
    messages.push_back(test::random_event(random));
    test::add_event(batch, messages.back());
  }
  ASSERT_EQ(batch.size(), messages.size());
  std::size_t index = 0;
  for (const pb::Event& message : messages) {
    const EventView event = batch[index++];
    ASSERT_TRUE(test::is_same(event, message));
    // The view is what parse() would have made of the bytes.
    ASSERT_EQ(EventView::parse(event.encoded()).value().body(), event.body());
  }
}

TEST(EventBatchTest, EntriesAreARepeatedBytesField) {
  Random random(2);
  EventBatch batch;
  for (int i = 0; i < 100; ++i) test::add_event(batch, test::random_event(random));

  const ByteSpan entries = batch.entries();
  EXPECT_EQ(entries.size(), batch.encoded_bytes());
  google::protobuf::io::CodedInputStream in(reinterpret_cast<const std::uint8_t*>(entries.data()),
                                            static_cast<int>(entries.size()));
  for (std::size_t i = 0; i < batch.size(); ++i) {
    ASSERT_EQ(in.ReadTag(), 0x0aU);  // field 1, length-delimited
    std::uint32_t length = 0;
    std::string bytes;
    ASSERT_TRUE(in.ReadVarint32(&length));
    ASSERT_TRUE(in.ReadString(&bytes, static_cast<int>(length)));
    EXPECT_EQ(bytes, as_text(batch[i].encoded()));
  }
  EXPECT_EQ(in.ReadTag(), 0U);
}

TEST(EventBatchTest, EventsAreCopiedByteForByteFromAnotherBatch) {
  Random random(3);
  EventBatch from;
  for (int i = 0; i < 100; ++i) test::add_event(from, test::random_event(random));
  EventBatch to;
  for (std::size_t i = 0; i < from.size(); ++i) to.add(from[i]);
  EXPECT_EQ(as_text(to.entries()), as_text(from.entries()));
  for (std::size_t i = 0; i < from.size(); ++i) EXPECT_EQ(to[i].body(), from[i].body());
}

TEST(EventBatchTest, EventsOfAForeignEncoderKeepTheirBytesAndTheirBody) {
  const std::vector<std::string_view> encodings{
      "\x12\x01\x62\x0a\x03\x0a\x01k"sv,  // a header behind the body
      "\x12\x01\x61\x12\x01\x62"sv,       // two bodies: the last one counts
      "\x12\x81\x00\x62"sv,               // a length longer than it need be
      "\x12\x01\x62\x12\x00"sv,           // replaced by an empty body
      "\x12\x01\x62\x48\x05"sv,           // an unknown field at the end
      ""sv};
  EventBatch batch;
  for (const std::string_view encoding : encodings) {
    batch.add(EventView::parse(as_bytes(encoding)).value());
  }
  std::size_t index = 0;
  for (const std::string_view encoding : encodings) {
    pb::Event message;
    ASSERT_TRUE(message.ParseFromString(std::string(encoding)));
    const EventView event = batch[index++];
    EXPECT_EQ(as_text(event.encoded()), encoding);
    EXPECT_TRUE(test::is_same(event, message));
  }
}

TEST(EventBatchTest, CopiesAreIndependent) {
  EventBatch batch;
  batch.add("first");
  EventBatch copy = batch;
  batch.clear();
  batch.add("other");
  copy.add("second");
  EXPECT_EQ(copy[0].body(), "first");
  EXPECT_EQ(copy[1].body(), "second");
  EXPECT_EQ(batch.size(), 1U);
}

TEST(EventBatchTest, ClearForgetsEventsAndKeepsTheMemory) {
  EventBatch batch;
  batch.add(std::string(1000, 'x'));
  const std::byte* const memory = batch.entries().data();
  batch.clear();
  EXPECT_TRUE(batch.is_empty());
  EXPECT_EQ(batch.encoded_bytes(), 0U);
  batch.add("y");
  EXPECT_EQ(batch.entries().data(), memory);
  EXPECT_EQ(batch[0].body(), "y");
}

TEST(EventBatchTest, EmptyEventsCount) {
  EventBatch batch;
  batch.add("");
  batch.add("");
  EXPECT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch.encoded_bytes(), 4U);
  EXPECT_EQ(batch[1].body(), "");
}

TEST(EventBatchDeathTest, IndexBeyondTheEndIsOurBug) {
  const EventBatch batch;
  EXPECT_DEATH(static_cast<void>(batch[0]), "CHECK");
}

}  // namespace
}  // namespace spillway::channel
