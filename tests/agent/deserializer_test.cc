// A file is cut into the same events wherever reading begins anew, whatever its character set, and
// whatever bytes it holds; no line, block or file is held in memory beyond its limit.
#include "agent/sources/deserializer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "agent/avro_codec.h"
#include "agent/avro_file.h"
#include "agent/avro_schema.h"
#include "agent/avro_wire.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using Bodies = std::vector<std::string>;
using Kind = DeserializerOptions::Kind;

struct Read {
  Bodies bodies;
  std::vector<std::uint64_t> offsets;  // behind each
  std::string header;
  std::optional<Error> error;
};

Read read_file(const std::string& path, const DeserializerOptions& options,
               std::uint64_t offset = 0) {
  Read read;
  auto input = std::move(SpoolInput::open(path).value());
  auto made = make_deserializer(options, input, offset);
  if (!made.has_value()) {
    read.error = made.error();
    return read;
  }
  while (true) {
    const auto event = made.value()->next();
    if (!event.has_value()) {
      read.error = event.error();
      return read;
    }
    if (!event.value()) return read;
    read.bodies.emplace_back(event.value()->body);
    read.offsets.push_back(made.value()->offset());
    if (event.value()->header) {
      read.header =
          std::string(event.value()->header->key) + "=" + std::string(event.value()->header->value);
    }
  }
}

Read read_text(std::string_view text, const DeserializerOptions& options = {},
               std::uint64_t offset = 0) {
  const test::TempDir dir;
  return read_file(dir.write("file", text), options, offset);
}

TEST(LineDeserializerTest, LinesEndAtNewlinesAndKeepTheReturnBefore) {
  EXPECT_EQ(read_text("a\r\n\nb\rc\n\r\nlast").bodies, (Bodies{"a\r", "", "b\rc", "\r", "last"}));
  EXPECT_EQ(read_text("a\n").bodies, (Bodies{"a"}));
  EXPECT_EQ(read_text("").bodies, Bodies{});
}

TEST(LineDeserializerTest, LongLinesAreCutBetweenCharacters) {
  const DeserializerOptions options{.line_chars_max = 3};
  EXPECT_EQ(read_text("abc\nabcd\nab", options).bodies, (Bodies{"abc", "abc", "d", "ab"}));
  // Java counts UTF-16 units: the face is two of them, and stays whole.
  EXPECT_EQ(read_text("ä\xE2\x82\xAC"
                      "b1\nab\xF0\x9F\x98\x80"
                      "c\n",
                      options)
                .bodies,
            (Bodies{"ä\xE2\x82\xAC"
                    "b",
                    "1", "ab",
                    "\xF0\x9F\x98\x80"
                    "c"}));
}

TEST(LineDeserializerTest, GoesOnAtEveryOffsetItGave) {
  const std::string text = "first\nzweite Zeile mit ü\r\n\nfour\nlongerthanthat";
  const DeserializerOptions options{.line_chars_max = 12};
  const Read whole = read_text(text, options);
  for (std::size_t i = 0; i < whole.offsets.size(); ++i) {
    const Read rest = read_text(text, options, whole.offsets[i]);
    EXPECT_EQ(rest.bodies, Bodies(whole.bodies.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                  whole.bodies.end()));
  }
}

TEST(LineDeserializerTest, LinesBeyondOneReadStayWhole) {
  const std::string large(700'000, 'x');
  const DeserializerOptions options{.line_chars_max = 1'000'000};
  EXPECT_EQ(read_text("a\n" + large + "\nb\n", options).bodies, (Bodies{"a", large, "b"}));
}

TEST(LineDeserializerTest, OtherCharacterSetsBecomeUtf8) {
  EXPECT_EQ(read_text("gr\xFC\xDF\n", {.input_charset = "iso-8859-1"}).bodies, (Bodies{"grüß"}));
  EXPECT_EQ(read_text("\x80\n", {.input_charset = "windows-1252"}).bodies,
            (Bodies{"\xE2\x82\xAC"}));
  EXPECT_EQ(read_text("\x93\xFA\x96{\nx\n", {.input_charset = "shift_jis"}).bodies,
            (Bodies{"日本", "x"}));
}

TEST(LineDeserializerTest, Utf16IsReadInEitherOrder) {
  const std::string_view be("\0h\0\xE4\0\r\0\n\xD8\x3D\xDE\0\0\n", 14);
  const std::string_view le("h\0\xE4\0\r\0\n\0\x3D\xD8\0\xDE\n\0", 14);
  const Bodies expected{"hä\r", "\xF0\x9F\x98\x80"};
  EXPECT_EQ(read_text(be, {.input_charset = "utf-16be"}).bodies, expected);
  EXPECT_EQ(read_text(le, {.input_charset = "utf-16le"}).bodies, expected);
  EXPECT_EQ(read_text(be, {.input_charset = "utf-16"}).bodies, expected);
  const std::string marked = "\xFF\xFE" + std::string(le);
  const Read read = read_text(marked, {.input_charset = "utf-16"});
  EXPECT_EQ(read.bodies, expected);
  EXPECT_EQ(read_text(marked, {.input_charset = "utf-16"}, read.offsets[0]).bodies,
            (Bodies{expected[1]}));
}

TEST(LineDeserializerTest, TheOutputMayHaveAnotherCharacterSet) {
  EXPECT_EQ(read_text("ä日\n", {.output_charset = "iso-8859-1"}).bodies, (Bodies{"\xE4?"}));
  EXPECT_EQ(read_text("ä\n", {.output_charset = "utf-16le"}).bodies,
            (Bodies{std::string("\xE4\0", 2)}));
}

TEST(LineDeserializerTest, AnErrorNamesItsOffset) {
  for (const char* const charset : {"utf-8", "us-ascii", "euc-jp"}) {
    const Read read = read_text("good\nab\xFFz\n", {.input_charset = charset});
    EXPECT_EQ(read.bodies, (Bodies{"good"})) << charset;
    ASSERT_TRUE(read.error) << charset;
    EXPECT_EQ(read.error->code, Errc::kCorrupt);
    EXPECT_EQ(read.error->at, 7U) << charset;
  }
}

TEST(LineDeserializerTest, OtherCharacterSetsKeepThePolicy) {
  EXPECT_EQ(
      read_text("a\xFFz\n", {.input_charset = "us-ascii", .decode_policy = DecodePolicy::kReplace})
          .bodies,
      (Bodies{"a\xEF\xBF\xBDz"}));
  EXPECT_EQ(
      read_text("a\xFFz\n", {.input_charset = "us-ascii", .decode_policy = DecodePolicy::kIgnore})
          .bodies,
      (Bodies{"az"}));
}

// {"a": long, "b": string}, three values in two blocks.
struct AvroDeserializerTest : testing::Test {
  static constexpr std::string_view kSchema =
      R"({"type":"record","name":"R","doc":"not canonical","fields":[)"
      R"({"name":"a","type":"long"},{"name":"b","type":["null","string"]}]})";

  static std::string value(std::int64_t a, std::string_view b) {
    std::string out;
    append_avro_long(a, out);
    append_avro_long(1, out);
    append_avro_bytes(b, out);
    return out;
  }
  std::string file_with(const std::string& codec_name) {
    const AvroCodec codec = AvroCodec::named(codec_name).value();
    std::string out;
    append_avro_header({{"avro.schema", std::string(kSchema)}, {"avro.codec", codec_name}}, marker,
                       out);
    std::string data;
    EXPECT_TRUE(codec.compress(value(1, "one") + value(2, "two"), data).has_value());
    append_avro_block(2, data, marker, out);
    data.clear();
    EXPECT_TRUE(codec.compress(value(3, "three"), data).has_value());
    append_avro_block(1, data, marker, out);
    return out;
  }

  const AvroMarker marker = random_avro_marker();
  const Bodies all{value(1, "one"), value(2, "two"), value(3, "three")};
};

TEST_F(AvroDeserializerTest, EachValueIsAnEventWithTheSchemasFingerprint) {
  for (const char* const codec : {"null", "deflate", "snappy", "zstandard"}) {
    if (!AvroCodec::named(codec).has_value()) continue;  // not in this build
    const Read read = read_text(file_with(codec), {.kind = Kind::kAvro});
    EXPECT_EQ(read.bodies, all) << codec;
    EXPECT_EQ(read.header.substr(0, 23), "flume.avro.schema.hash=") << codec;
    EXPECT_EQ(read.header.size(), 23U + 16) << codec;
  }
}

TEST_F(AvroDeserializerTest, OrTheSchemaItself) {
  const Read read = read_text(
      file_with("null"),
      {.kind = Kind::kAvro, .schema_header = DeserializerOptions::AvroSchemaHeader::kLiteral});
  EXPECT_EQ(read.header, "flume.avro.schema.literal=" + std::string(kSchema));
}

TEST_F(AvroDeserializerTest, GoesOnWithTheBlockInHand) {
  const std::string file = file_with("deflate");
  const Read whole = read_text(file, {.kind = Kind::kAvro});
  ASSERT_EQ(whole.offsets.size(), 3U);
  EXPECT_EQ(read_text(file, {.kind = Kind::kAvro}, whole.offsets[0]).bodies, all);
  EXPECT_EQ(read_text(file, {.kind = Kind::kAvro}, whole.offsets[1]).bodies, (Bodies{all[2]}));
  EXPECT_EQ(read_text(file, {.kind = Kind::kAvro}, whole.offsets[2]).bodies, Bodies{});
}

TEST_F(AvroDeserializerTest, ADamagedFileGivesWhatComesBefore) {
  const std::string file = file_with("null");
  const Read whole = read_text(file, {.kind = Kind::kAvro});
  const auto header = parse_avro_header(file).value();
  const std::size_t first_block = whole.offsets[1] + kAvroMarkerBytes;
  for (std::size_t size = 0; size < file.size(); ++size) {
    const Read read = read_text(file.substr(0, size), {.kind = Kind::kAvro});
    EXPECT_NE(read.error.has_value(), size == header->size_bytes || size == first_block) << size;
    EXPECT_EQ(read.bodies.size(), size < first_block ? 0U : 2U) << size;
  }
  EXPECT_EQ(read_text("no Avro at all", {.kind = Kind::kAvro}).error->code, Errc::kCorrupt);
}

TEST_F(AvroDeserializerTest, ABlockBeyondTheLimitIsRefused) {
  std::string file;
  append_avro_header({{"avro.schema", "\"bytes\""}, {"avro.codec", "deflate"}}, marker, file);
  std::string bomb;
  append_avro_bytes(std::string(10'000'000, 'x'), bomb);
  std::string data;
  ASSERT_TRUE(AvroCodec::named("deflate").value().compress(bomb, data).has_value());
  append_avro_block(1, data, marker, file);
  const Read read = read_text(file, {.kind = Kind::kAvro, .avro_block_bytes_max = 1'000'000});
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->code, Errc::kTooLarge);
}

TEST(AvroSchemaTest, CanonicalFormDropsWhatDoesNotChangeTheBytes) {
  const auto schema = AvroSchema::parse(
      R"({"doc":"d","fields":[{"default":1,"type":{"type":"int","logicalType":"date"},)"
      R"("name":"x"},{"name":"self","type":["null","Node"]},)"
      R"({"name":"e","type":{"type":"enum","name":"E","symbols":["A","B"],"aliases":["F"]}},)"
      R"({"name":"f","type":{"type":"fixed","size":16,"name":"other.F"}},)"
      R"({"name":"m","type":{"type":"map","values":{"type":"array","items":"E"}}}],)"
      R"("namespace":"a.b","name":"Node","type":"record"})");
  ASSERT_TRUE(schema.has_value());
  EXPECT_EQ(schema.value().canonical(),
            R"({"name":"a.b.Node","type":"record","fields":[{"name":"x","type":"int"},)"
            R"({"name":"self","type":["null","a.b.Node"]},)"
            R"({"name":"e","type":{"name":"a.b.E","type":"enum","symbols":["A","B"]}},)"
            R"({"name":"f","type":{"name":"other.F","type":"fixed","size":16}},)"
            R"({"name":"m","type":{"type":"map","values":{"type":"array","items":"a.b.E"}}}]})");
}

TEST(AvroSchemaTest, FingerprintsAreThoseOfTheSpecification) {
  EXPECT_EQ(AvroSchema::parse("\"null\"").value().fingerprint(), 0x63DD24E7CC258F8AU);
  EXPECT_EQ(AvroSchema::parse(R"({"type":"int"})").value().fingerprint(), 0x7275D51A3F395C8FU);
}

TEST(AvroSchemaTest, WhatIsNoSchemaIsRefused) {
  for (const char* const text :
       {"", "{", "7", "\"nosuch\"", R"({"type":"record","name":"R"})", R"({"type":"array"})",
        R"({"type":"fixed","name":"F","size":-1})", R"(["null","nosuch"])",
        R"({"type":"record","name":"R","fields":[{"name":"x"}]})"}) {
    EXPECT_FALSE(AvroSchema::parse(text).has_value()) << text;
  }
  EXPECT_FALSE(AvroSchema::parse(std::string(10'000, '[')).has_value());
}

TEST(AvroSchemaTest, AFewBytesCannotKeepTheReaderBusy) {
  const auto schema = std::move(AvroSchema::parse(R"({"type":"array","items":"null"})").value());
  std::string value;
  append_avro_long(INT64_MAX, value);
  AvroInput input(value);
  std::uint64_t parts = AvroSchema::parts_in(value.size());
  EXPECT_FALSE(schema.skip_value(input, parts));
  EXPECT_EQ(parts, 0U);
}

}  // namespace
}  // namespace spillway::agent
