// Events become the text that Flume's serializers and its logger sink would have written.
#include "agent/serializer.h"

#include <gtest/gtest.h>

#include <array>

#include "agent/event_dump.h"
#include "channel/event_batch.h"

namespace spillway::agent {
namespace {

struct SerializerTest : testing::Test {
  SerializerTest() {
    constexpr std::array<channel::HeaderView, 2> kHeaders{{{"host", "a"}, {"n", "1"}}};
    batch.add(kHeaders, "Hello");
    batch.add("bare");
    batch.add("");
  }

  std::string serialize(std::string_view name, bool appends_newline) {
    std::string out;
    const Serializer serializer(name, appends_newline);
    for (std::size_t i = 0; i < batch.size(); ++i) serializer.append(batch[i], out);
    return out;
  }

  channel::EventBatch batch;
};

TEST_F(SerializerTest, TextIsTheBody) {
  EXPECT_EQ(serialize("text", true), "Hello\nbare\n\n");
  EXPECT_EQ(serialize("text", false), "Hellobare");
}

TEST_F(SerializerTest, HeaderAndTextShowsHeadersAsAJavaMap) {
  EXPECT_EQ(serialize("header_and_text", true), "{host=a, n=1} Hello\n{} bare\n{} \n");
}

TEST_F(SerializerTest, ClassNamesMeanTheSameAsAliases) {
  EXPECT_EQ(serialize("org.apache.flume.serialization.bodytexteventserializer$builder", true),
            serialize("text", true));
  EXPECT_EQ(
      serialize("org.apache.flume.serialization.headerandbodytexteventserializer$builder", true),
      serialize("header_and_text", true));
}

TEST_F(SerializerTest, DumpLooksLikeFlumesLoggerSink) {
  EXPECT_EQ(
      dump_event(batch[0], 16),
      "{ headers:{host=a, n=1} body: 48 65 6C 6C 6F                                  Hello }");
  EXPECT_EQ(dump_event(batch[2], 16), "{ headers:{} body: }");
}

TEST_F(SerializerTest, DumpIsCutAfterTheGivenBytes) {
  batch.add("0123456789abcdefXYZ");
  EXPECT_EQ(
      dump_event(batch[3], 16),
      "{ headers:{} body: 30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66 0123456789abcdef }");
  EXPECT_EQ(dump_event(batch[3], 0), "{ headers:{} body: }");
}

TEST_F(SerializerTest, DumpStaysOnOneLineWhateverTheEventHolds) {
  constexpr std::array<channel::HeaderView, 1> kHeaders{{{"k\n", "v\r\x7F\t\xC3\xA9"}}};
  batch.add(kHeaders, "a\nb\xFF");
  EXPECT_EQ(dump_event(batch[3], 16),
            "{ headers:{k =v   \xC3\xA9} body: 61 0A 62 FF                                     "
            "a.b. }");
}

}  // namespace
}  // namespace spillway::agent
