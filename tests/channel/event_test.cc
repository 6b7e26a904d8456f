// The hand-written event encoding and the generated code are the same language: what one writes the
// other reads, byte for byte; and no input makes the reader look outside its bytes.
//
// Bounds are watched by AddressSanitizer: every input here lies in an allocation of its exact size.

#include "channel/event.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "channel/event.pb.h"
#include "channel/event_batch.h"
#include "tests/support/event_proto.h"
#include "wal/base/random.h"

namespace spillway::channel {
namespace {

using namespace std::string_view_literals;
using testing::ElementsAre;
using testing::IsEmpty;

// Bytes in an allocation of their exact size.
class Exactly {
 public:
  explicit Exactly(std::string_view text)
      : size_(text.size()), bytes_(std::make_unique<std::byte[]>(text.size())) {
    std::memcpy(bytes_.get(), text.data(), text.size());
  }
  [[nodiscard]] ByteSpan span() const { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<std::byte[]> bytes_;
};

std::vector<HeaderView> headers_of(const EventView& event) {
  std::vector<HeaderView> headers;
  event.for_each_header([&headers](const HeaderView& header) { headers.push_back(header); });
  return headers;
}

Errc refusal(std::string_view encoded) {
  const Exactly bytes(encoded);
  const auto event = EventView::parse(bytes.span());
  EXPECT_FALSE(event.has_value());
  return event.has_value() ? Errc::kNotFound : event.error().code;
}

// What we accept, the generated code accepts with the same content.
void expect_agreement(std::string_view encoded) {
  const Exactly bytes(encoded);
  const auto event = EventView::parse(bytes.span());
  if (!event.has_value()) return;
  pb::Event message;
  ASSERT_TRUE(message.ParseFromArray(bytes.span().data(), static_cast<int>(bytes.span().size())));
  EXPECT_TRUE(test::is_same(event.value(), message));
}

TEST(EventTest, WritesWhatTheGeneratedCodeWrites) {
  Random random(1);
  for (int round = 0; round < 2000; ++round) {
    const pb::Event message = test::random_event(random);
    EventBatch batch;
    test::add_event(batch, message);
    ASSERT_EQ(as_text(batch[0].encoded()), message.SerializeAsString());
  }
}

TEST(EventTest, ReadsWhatTheGeneratedCodeWrites) {
  Random random(2);
  for (int round = 0; round < 2000; ++round) {
    const pb::Event message = test::random_event(random);
    const Exactly bytes(message.SerializeAsString());
    const auto event = EventView::parse(bytes.span());
    ASSERT_TRUE(event.has_value());
    ASSERT_TRUE(test::is_same(event.value(), message));
  }
}

TEST(EventTest, EventWithoutAnythingIsNoBytes) {
  const auto event = EventView::parse({});
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event.value().body(), "");
  EXPECT_THAT(headers_of(event.value()), IsEmpty());
}

TEST(EventTest, HeadersKeepTheirOrder) {
  EventBatch batch;
  batch.add(std::array{HeaderView{"z", "1"}, HeaderView{"", ""}, HeaderView{"a", "3"}}, "body");
  EXPECT_THAT(headers_of(batch[0]),
              ElementsAre(HeaderView{"z", "1"}, HeaderView{"", ""}, HeaderView{"a", "3"}));
}

TEST(EventTest, HeaderIsFoundByItsKey) {
  EventBatch batch;
  batch.add(std::array{HeaderView{"host", "n1"}, HeaderView{"empty", ""}}, "body");
  EXPECT_EQ(batch[0].header("host"), "n1");
  EXPECT_EQ(batch[0].header("empty"), "");
  EXPECT_EQ(batch[0].header("hos"), std::nullopt);
}

TEST(EventTest, FieldsOfALaterVersionAreSkipped) {
  // field 9: varint 5; field 10: 8 bytes; field 11: "xx"; field 12: 4 bytes; body "b"
  const Exactly bytes("\x48\x05\x51zzzzzzzz\x5a\x02xx\x65yyyy\x12\x01\x62"sv);
  const auto event = EventView::parse(bytes.span());
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event.value().body(), "b");
}

TEST(EventTest, HeaderBehindTheBodyIsAHeader) {
  const Exactly bytes("\x12\x01\x62\x0a\x03\x0a\x01k"sv);
  const auto event = EventView::parse(bytes.span());
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event.value().body(), "b");
  EXPECT_THAT(headers_of(event.value()), ElementsAre(HeaderView{"k", ""}));
}

TEST(EventTest, MalformedBytesAreCorrupt) {
  EXPECT_EQ(refusal("\x12"sv), Errc::kCorrupt);                           // no length
  EXPECT_EQ(refusal("\x12\x05xx"sv), Errc::kCorrupt);                     // length beyond the end
  EXPECT_EQ(refusal("\x02\x01x"sv), Errc::kCorrupt);                      // field number 0
  EXPECT_EQ(refusal("\x13\x14"sv), Errc::kCorrupt);                       // a group
  EXPECT_EQ(refusal("\x16\x01"sv), Errc::kCorrupt);                       // no such wire type
  EXPECT_EQ(refusal("\x11xxxxxxx"sv), Errc::kCorrupt);                    // 7 of 8 bytes
  EXPECT_EQ(refusal("\x15xxx"sv), Errc::kCorrupt);                        // 3 of 4 bytes
  EXPECT_EQ(refusal("\x10\xff\xff"sv), Errc::kCorrupt);                   // varint without an end
  EXPECT_EQ(refusal("\x92\x80\x80\x80\x80\x00\x00"sv), Errc::kCorrupt);   // tag of six bytes
  EXPECT_EQ(refusal("\x12\x81\x80\x80\x80\x80\x00x"sv), Errc::kCorrupt);  // length of six bytes
  EXPECT_EQ(refusal("\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv), Errc::kCorrupt);  // 65 bits
  EXPECT_EQ(refusal("\x12\xff\xff\xff\xff\x0f"sv), Errc::kCorrupt);  // length of 4 GiB
  EXPECT_EQ(refusal("\x0a\x03\x0a\x05k"sv), Errc::kCorrupt);         // inside a header
}

TEST(EventTest, ErrorTellsWhereItStands) {
  const Exactly bytes("\x12\x01\x62\x12\x09x"sv);
  EXPECT_EQ(EventView::parse(bytes.span()).error().at, 5U);
}

TEST(EventTest, EveryTruncationIsJudgedAsTheGeneratedCodeDoes) {
  Random random(3);
  for (int round = 0; round < 20; ++round) {
    std::string encoded = test::random_event(random).SerializeAsString();
    encoded.resize(std::min<std::size_t>(encoded.size(), 300));
    for (std::size_t length = 0; length <= encoded.size(); ++length) {
      const Exactly bytes(std::string_view(encoded).substr(0, length));
      pb::Event message;
      EXPECT_EQ(EventView::parse(bytes.span()).has_value(),
                message.ParseFromArray(bytes.span().data(), static_cast<int>(length)));
    }
  }
}

TEST(EventTest, NoChangedByteIsReadDifferentlyFromTheGeneratedCode) {
  EventBatch batch;
  batch.add(std::array{HeaderView{"host", "n1"}, HeaderView{"", "x"}}, std::string(130, 'b'));
  std::string encoded(as_text(batch[0].encoded()));
  for (char& byte : encoded) {
    const char original = byte;
    for (int value = 0; value < 256; ++value) {
      byte = static_cast<char>(value);
      expect_agreement(encoded);
    }
    byte = original;
  }
}

TEST(EventTest, NoRandomBytesAreReadDifferentlyFromTheGeneratedCode) {
  Random random(4);
  for (int round = 0; round < 20'000; ++round) expect_agreement(test::random_bytes(random, 40));
}

}  // namespace
}  // namespace spillway::channel
