// The hand-written wire format is byte for byte that of Protocol Buffers, both ways, and malformed
// input is refused without reading outside it.
#include "wal/base/wire.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/unknown_field_set.h>
#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "wal/base/random.h"

namespace spillway::wire {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;

constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();

/// Every length of a varint and both sides of each step.
std::vector<std::uint64_t> interesting_numbers() {
  std::vector<std::uint64_t> numbers{0, kU64Max};
  for (unsigned bit = 0; bit < 64; ++bit) {
    const std::uint64_t power = std::uint64_t{1} << bit;
    numbers.insert(numbers.end(), {power - 1, power, power + 1});
  }
  return numbers;
}

std::string written_varint(std::uint64_t value) {
  std::array<std::byte, kVarintBytesMax> bytes{};
  const std::byte* end = write_varint(bytes.data(), value);
  return std::string(as_text(ByteSpan(bytes.data(), end)));
}

/// A message of one varint field with number 1 whose value is `varint`.
std::string varint_field(const std::string& varint) {
  return "\x08" + varint;
}

TEST(WireTest, VarintsEqualTheGeneratedOnes) {
  for (const std::uint64_t value : interesting_numbers()) {
    std::array<std::uint8_t, 16> expected{};
    const std::uint8_t* end =
        google::protobuf::io::CodedOutputStream::WriteVarint64ToArray(value, expected.data());
    const std::string ours = written_varint(value);
    EXPECT_EQ(ours, std::string(expected.begin(), expected.begin() + (end - expected.data())));
    EXPECT_EQ(varint_bytes(value), ours.size());
  }
}

TEST(WireTest, VarintsReadBack) {
  for (const std::uint64_t value : interesting_numbers()) {
    const std::string message = varint_field(written_varint(value));
    Reader reader(as_bytes(message));
    const auto field = reader.next();
    ASSERT_TRUE(field.has_value());
    EXPECT_EQ(field->number, 1U);
    EXPECT_EQ(field->value, value);
    EXPECT_FALSE(reader.next().has_value());
    EXPECT_TRUE(reader.is_valid());
  }
}

/// Random fields; returns the message protobuf makes of them.
std::string random_message(Random& random, UnknownFieldSet& fields) {
  for (std::uint64_t left = random.below(8); left > 0; --left) {
    const auto number = static_cast<int>(random.one_in(3) ? random.between(16, 536'870'911)
                                                          : random.between(1, 15));
    switch (random.below(4)) {
      case 0:
        fields.AddVarint(number, random.next() >> random.below(64));
        break;
      case 1:
        fields.AddFixed32(number, static_cast<std::uint32_t>(random.next()));
        break;
      case 2:
        fields.AddFixed64(number, random.next());
        break;
      default:
        fields.AddLengthDelimited(
            number, std::string(random.below(300), static_cast<char>(random.below(256))));
    }
  }
  std::string message;
  EXPECT_TRUE(fields.SerializeToString(&message));
  return message;
}

void expect_equal(const Field& ours, const UnknownField& theirs) {
  EXPECT_EQ(ours.number, static_cast<std::uint32_t>(theirs.number()));
  switch (theirs.type()) {
    case UnknownField::TYPE_VARINT:
      EXPECT_EQ(ours.type, Type::kVarint);
      EXPECT_EQ(ours.value, theirs.varint());
      break;
    case UnknownField::TYPE_FIXED32:
      EXPECT_EQ(ours.type, Type::kFixed32);
      EXPECT_EQ(ours.value, theirs.fixed32());
      break;
    case UnknownField::TYPE_FIXED64:
      EXPECT_EQ(ours.type, Type::kFixed64);
      EXPECT_EQ(ours.value, theirs.fixed64());
      break;
    default:
      EXPECT_EQ(ours.type, Type::kBytes);
      EXPECT_EQ(as_text(ours.bytes), theirs.length_delimited());
  }
}

TEST(WireTest, ReaderSeesTheFieldsThatProtobufWrote) {
  Random random(42);
  for (int round = 0; round < 500; ++round) {
    UnknownFieldSet fields;
    const std::string message = random_message(random, fields);
    Reader reader(as_bytes(message));
    for (int i = 0; i < fields.field_count(); ++i) {
      const auto field = reader.next();
      ASSERT_TRUE(field.has_value()) << "round " << round << ", field " << i;
      expect_equal(*field, fields.field(i));
    }
    EXPECT_FALSE(reader.next().has_value());
    EXPECT_TRUE(reader.is_valid());
  }
}

TEST(WireTest, WrittenFieldsEqualTheGeneratedOnes) {
  Random random(43);
  for (const std::size_t size : {0U, 1U, 127U, 128U, 16'383U, 16'384U, 100'000U}) {
    const std::string payload(size, static_cast<char>(random.below(256)));
    const auto number = static_cast<std::uint32_t>(random.between(1, 15));
    UnknownFieldSet fields;
    fields.AddLengthDelimited(static_cast<int>(number), payload);
    std::string expected;
    ASSERT_TRUE(fields.SerializeToString(&expected));

    std::vector<std::byte> ours(field_bytes(size));
    EXPECT_EQ(write_field(ours.data(), number, as_bytes(payload)), ours.data() + ours.size());
    EXPECT_EQ(as_text(ours), expected) << size;
  }
}

TEST(WireTest, EveryCutOfAMessageIsRefusedOrEndsBetweenFields) {
  Random random(44);
  for (int round = 0; round < 100; ++round) {
    UnknownFieldSet fields;
    const std::string message = random_message(random, fields);
    for (std::size_t size = 0; size < message.size(); ++size) {
      // An allocation of exactly this size, so that AddressSanitizer sees any read behind it.
      const std::vector<char> cut(message.begin(), message.begin() + static_cast<long>(size));
      Reader reader(as_bytes({cut.data(), cut.size()}));
      while (reader.next().has_value()) {
      }
      UnknownFieldSet parsed;
      EXPECT_EQ(reader.is_valid(), parsed.ParseFromArray(cut.data(), static_cast<int>(size)))
          << "round " << round << ", cut at " << size;
    }
  }
}

struct Malformed {
  const char* name;
  std::string bytes;
};

TEST(WireTest, MalformedInputIsRefused) {
  const std::string ten_continued(10, '\xFF');
  const std::vector<Malformed> rows{
      {"varint of eleven bytes", varint_field(ten_continued + '\x01')},
      {"varint beyond 64 bits", varint_field(std::string(9, '\xFF') + '\x02')},
      {"varint that never ends", varint_field(std::string(5, '\x80'))},
      {"field number zero", std::string("\x00\x01", 2)},
      {"field number beyond 32 bits", std::string("\xF8\xFF\xFF\xFF\xFF\x01\x00", 7)},
      {"group start", "\x0B"},
      {"group end", "\x0C"},
      {"wire type 6", "\x0E"},
      {"wire type 7", "\x0F"},
      {"length beyond the end", std::string("\x0A\x02x", 3)},
      {"length near 2^64", "\x0A" + written_varint(kU64Max)},
      {"short fixed32", std::string("\x0D\x01\x02\x03", 4)},
      {"short fixed64", std::string("\x09\x01\x02\x03\x04\x05\x06\x07", 8)},
  };
  for (const Malformed& row : rows) {
    Reader reader(as_bytes(row.bytes));
    EXPECT_FALSE(reader.next().has_value()) << row.name;
    EXPECT_FALSE(reader.is_valid()) << row.name;
    EXPECT_FALSE(reader.next().has_value()) << row.name << ": stays refused";
  }
}

// The fast way for an expected field takes exactly what next() would have given.
TEST(WireTest, NextBytesAgreesWithNext) {
  Random random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> message;
    while (random.below(4) != 0) {
      std::vector<std::byte> body(random.one_in(20) ? random.below(20'000) : random.below(300));
      const std::size_t at = message.size();
      message.resize(at + field_bytes(body.size()));
      write_field(message.data() + at, static_cast<std::uint32_t>(random.between(1, 2)), body);
    }
    if (!message.empty() && random.one_in(2)) message.resize(message.size() - 1);
    if (!message.empty() && random.one_in(4)) {
      message[random.below(message.size())] = static_cast<std::byte>(random.below(256));
    }
    Reader plain(message);
    Reader fast(message);
    while (true) {
      ByteSpan bytes;
      const bool is_taken = fast.next_bytes(1, bytes);
      const auto expected = plain.next();
      if (is_taken) {
        ASSERT_TRUE(expected.has_value());
        ASSERT_EQ(expected->number, 1U);
        ASSERT_EQ(expected->bytes.data(), bytes.data());
        ASSERT_EQ(expected->bytes.size(), bytes.size());
      } else {
        ASSERT_EQ(fast.next().has_value(), expected.has_value());
      }
      ASSERT_EQ(fast.position(), plain.position());
      ASSERT_EQ(fast.is_valid(), plain.is_valid());
      if (!expected) break;
    }
  }
}

TEST(WireTest, RandomBytesNeverReadOutside) {
  Random random(45);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::byte> bytes(random.below(40));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.next());
    Reader reader(bytes);
    std::size_t payload_bytes = 0;
    while (const auto field = reader.next()) payload_bytes += field->bytes.size();
    EXPECT_LE(payload_bytes, bytes.size());
  }
}

}  // namespace
}  // namespace spillway::wire
