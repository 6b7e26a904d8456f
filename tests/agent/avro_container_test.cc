// A container holds the bytes that Avro 1.11 for Java writes for the same events.
#include "agent/avro_container.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "channel/event_batch.h"

namespace spillway::agent {
namespace {

constexpr AvroContainer::Marker kMarker{'0', '1', '2', '3', '4', '5', '6', '7',
                                        '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

channel::EventBatch one_event(const std::vector<channel::HeaderView>& headers,
                              std::string_view body) {
  channel::EventBatch batch;
  batch.add(headers, body);
  return batch;
}

TEST(AvroContainerTest, HeaderNamesSchemaAndCodec) {
  std::string out;
  AvroContainer(kMarker).append_header(out);
  EXPECT_EQ(kAvroEventSchema.size(), 133U);
  EXPECT_EQ(hex(out), "4f626a0104" +
                          hex("\x16"
                              "avro.schema") +
                          "8a02" + hex(std::string(kAvroEventSchema)) +
                          hex("\x14"
                              "avro.codec") +
                          hex("\x08"
                              "null") +
                          "00" + hex("0123456789abcdef"));
}

TEST(AvroContainerTest, BlockHoldsCountSizeEventsAndMarker) {
  AvroContainer container(kMarker);
  std::string out;
  EXPECT_TRUE(container.append(one_event({{"k", "v0"}}, "body0")[0], out));
  EXPECT_TRUE(container.append(one_event({{"k", "v1"}}, "body1")[0], out));
  EXPECT_EQ(out, "");
  container.append_block(out);
  EXPECT_EQ(hex(out),
            "043402026b047630000a626f64793002026b047631000a626f647931" + hex("0123456789abcdef"));
  out.clear();
  container.append_block(out);
  EXPECT_EQ(out, "") << "there is nothing left";
}

TEST(AvroContainerTest, LargeBlocksAreClosed) {
  AvroContainer container(kMarker);
  std::string out;
  container.append(one_event({}, std::string(AvroContainer::kBlockBytes - 10, 'x'))[0], out);
  EXPECT_EQ(out, "");
  container.append(one_event({}, "123456")[0], out);
  EXPECT_EQ(out.front(), '\x04') << "two events";
  EXPECT_TRUE(out.ends_with("0123456789abcdef"));
}

TEST(AvroContainerTest, HeadersThatAMapCannotHoldAreNoticed) {
  AvroContainer container(kMarker);
  std::string out;
  EXPECT_TRUE(container.append(one_event({{"k", "ü"}}, "\xff")[0], out));
  EXPECT_FALSE(container.append(one_event({{"k", "\xff"}}, "")[0], out));
  EXPECT_FALSE(container.append(one_event({{"k", "1"}, {"k", "2"}}, "")[0], out));
  container.append_block(out);
  EXPECT_NE(out.find("\xef\xbf\xbd"), std::string::npos) << "U+FFFD";
}

}  // namespace
}  // namespace spillway::agent
