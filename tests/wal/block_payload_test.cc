// The hand-written payload of a commit block and the generated code are the same language, byte for
// byte in both directions; what the generated code refuses, we refuse.
//
// Bounds are watched by AddressSanitizer: every input lies in an allocation of its exact size.

#include "wal/block_payload.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "wal/base/random.h"
#include "wal/record.pb.h"

namespace spillway::wal {
namespace {

std::string random_bytes(Random& random, std::size_t count_max) {
  std::string bytes(random.between(0, count_max), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

// A number of any magnitude: most bugs live at the borders of varint lengths.
std::uint64_t random_number(Random& random) {
  return random() >> random.below(64);
}

SequenceRange random_range(Random& random) {
  const std::uint64_t first = random_number(random);
  const std::uint64_t count = std::min(random_number(random), UINT64_MAX - first);
  return {.first = {first}, .end = {first + count}};
}

std::string entries_of(const pb::Put& put) {
  return put.SerializeAsString();
}

// All puts, then all acks, then all bookmarks: the order of the generated code.
pb::Payload random_payload(Random& random) {
  pb::Payload payload;
  const std::uint64_t put_count = random.below(5);
  for (std::uint64_t i = 0; i < put_count; ++i) {
    pb::Put* const put = payload.add_put();
    const std::uint64_t entry_count = random.below(6);
    for (std::uint64_t k = 0; k < entry_count; ++k) {
      put->add_entry(random_bytes(random, random.one_in(30) ? 40'000 : 200));
    }
  }
  const std::uint64_t ack_count = random.below(5);
  for (std::uint64_t i = 0; i < ack_count; ++i) {
    const SequenceRange range = random_range(random);
    pb::Range* const ack = payload.add_ack();
    ack->set_first(range.first.value);
    ack->set_count(range.count());
  }
  const std::uint64_t bookmark_count = random.below(3);
  for (std::uint64_t i = 0; i < bookmark_count; ++i) {
    pb::Bookmark* const bookmark = payload.add_bookmark();
    bookmark->set_key(random_bytes(random, kBookmarkKeyBytesMax - 1) + "k");
    bookmark->set_value(random_bytes(random, random.one_in(30) ? kBookmarkValueBytesMax : 200));
  }
  return payload;
}

std::string written(const pb::Payload& payload) {
  std::string bytes(payload.ByteSizeLong() + 64, '\0');
  auto* const begin = reinterpret_cast<std::byte*>(bytes.data());
  std::byte* to = begin;
  for (const pb::Put& put : payload.put()) {
    const std::string entries = entries_of(put);
    std::byte* const end = write_put(to, as_bytes(entries));
    EXPECT_EQ(static_cast<std::uint64_t>(end - to), put_bytes(entries.size()));
    to = end;
  }
  for (const pb::Range& ack : payload.ack()) {
    std::byte* const end =
        write_ack(to, {.first = {ack.first()}, .end = {ack.first() + ack.count()}});
    EXPECT_LE(static_cast<std::size_t>(end - to), kAckBytesMax);
    to = end;
  }
  for (const pb::Bookmark& bookmark : payload.bookmark()) {
    const BookmarkView view{.key = bookmark.key(), .value = bookmark.value()};
    std::byte* const end = write_bookmark(to, view);
    EXPECT_EQ(static_cast<std::uint64_t>(end - to), bookmark_bytes(view));
    to = end;
  }
  bytes.resize(static_cast<std::size_t>(to - begin));
  return bytes;
}

struct Read {
  pb::Payload payload;
  bool is_valid = false;
  std::uint64_t entry_count = 0;
};

// Everything our readers see, as a message.
Read read(const std::string& text) {
  // Exactly as many bytes as there are.
  const std::vector<std::byte> bytes(as_bytes(text).begin(), as_bytes(text).end());
  Read result;
  bool are_entries_valid = true;
  PayloadReader records(bytes);
  while (const auto record = records.next()) {
    if (record->kind == PayloadReader::Record::Kind::kAck) {
      pb::Range* const ack = result.payload.add_ack();
      ack->set_first(record->ack.first.value);
      ack->set_count(record->ack.count());
      continue;
    }
    if (record->kind == PayloadReader::Record::Kind::kBookmark) {
      pb::Bookmark* const bookmark = result.payload.add_bookmark();
      bookmark->set_key(std::string(record->bookmark.key));
      bookmark->set_value(std::string(record->bookmark.value));
      continue;
    }
    pb::Put* const put = result.payload.add_put();
    EntryReader entries(record->entries);
    while (const auto entry = entries.next()) {
      put->add_entry(std::string(as_text(*entry)));
      ++result.entry_count;
    }
    are_entries_valid = are_entries_valid && entries.is_valid();
  }
  result.is_valid = records.is_valid() && are_entries_valid;
  return result;
}

TEST(BlockPayloadTest, WritesWhatTheGeneratedCodeWrites) {
  Random random(1);
  for (int round = 0; round < 3000; ++round) {
    const pb::Payload payload = random_payload(random);
    ASSERT_EQ(written(payload), payload.SerializeAsString()) << "round " << round;
  }
}

TEST(BlockPayloadTest, BookmarksBeyondTheirLimitsMakeAPayloadInvalid) {
  const auto is_valid_with = [](std::size_t key_bytes, std::size_t value_bytes) {
    pb::Payload payload;
    payload.add_bookmark()->set_key(std::string(key_bytes, 'k'));
    payload.mutable_bookmark(0)->set_value(std::string(value_bytes, 'v'));
    const std::string bytes = payload.SerializeAsString();
    return is_payload_valid(as_bytes(bytes), 0);
  };
  EXPECT_TRUE(is_valid_with(1, 0));
  EXPECT_TRUE(is_valid_with(kBookmarkKeyBytesMax, kBookmarkValueBytesMax));
  EXPECT_FALSE(is_valid_with(0, 1));
  EXPECT_FALSE(is_valid_with(kBookmarkKeyBytesMax + 1, 1));
  EXPECT_FALSE(is_valid_with(1, kBookmarkValueBytesMax + 1));
}

TEST(BookmarksTest, TheLastValueOfAKeyHolds) {
  Bookmarks bookmarks;
  bookmarks.set({.key = "a", .value = "1"});
  bookmarks.set({.key = "b", .value = "2"});
  bookmarks.set({.key = "a", .value = "3"});
  EXPECT_EQ(bookmarks.find("a"), "3");
  EXPECT_EQ(bookmarks.find("b"), "2");
  EXPECT_EQ(bookmarks.find("c"), std::nullopt);
  EXPECT_EQ(bookmarks.all().back().key, "a");
}

TEST(BookmarksTest, OfTooManyTheOneSetLongestAgoGoes) {
  Bookmarks bookmarks;
  for (std::size_t i = 0; i < kBookmarksMax; ++i) {
    bookmarks.set({.key = std::to_string(i), .value = "x"});
  }
  bookmarks.set({.key = "0", .value = "y"});
  bookmarks.set({.key = "new", .value = "z"});
  EXPECT_EQ(bookmarks.all().size(), kBookmarksMax);
  EXPECT_EQ(bookmarks.find("0"), "y");
  EXPECT_EQ(bookmarks.find("1"), std::nullopt);
  EXPECT_EQ(bookmarks.find("new"), "z");
}

TEST(BlockPayloadTest, ReadsWhatTheGeneratedCodeWrites) {
  Random random(2);
  for (int round = 0; round < 3000; ++round) {
    const pb::Payload payload = random_payload(random);
    const Read result = read(payload.SerializeAsString());
    ASSERT_TRUE(result.is_valid) << "round " << round;
    ASSERT_EQ(result.payload.SerializeAsString(), payload.SerializeAsString());
    const std::string bytes = payload.SerializeAsString();
    ASSERT_TRUE(is_payload_valid(as_bytes(bytes), result.entry_count));
    ASSERT_FALSE(is_payload_valid(as_bytes(bytes), result.entry_count + 1));
  }
}

TEST(BlockPayloadTest, SkipsWhatALaterVersionMayAdd) {
  pb::Payload payload;
  payload.add_put()->add_entry("one");
  std::string bytes = payload.SerializeAsString();
  using namespace std::string_literals;
  bytes += "\x78\xAC\x02"s;            // field 15, varint 300
  bytes += "\x75\x05\0\0\0"s;          // 14, four bytes
  bytes += "\x69\x05\0\0\0\0\0\0\0"s;  // 13, eight bytes
  bytes += "\x62\x05later"s;           // 12, bytes
  const Read result = read(bytes);
  EXPECT_TRUE(result.is_valid);
  EXPECT_EQ(result.entry_count, 1U);
  EXPECT_TRUE(is_payload_valid(as_bytes(bytes), 1));
}

// Whatever we accept, the generated code must accept, too, with the same content.
void expect_agreement(const std::string& bytes) {
  const Read result = read(bytes);
  if (!result.is_valid) return;
  pb::Payload message;
  ASSERT_TRUE(message.ParseFromString(bytes));
  ASSERT_EQ(message.put_size(), result.payload.put_size());
  for (int i = 0; i < message.put_size(); ++i) {
    const auto& entries = message.put(i).entry();
    const auto& seen = result.payload.put(i).entry();
    ASSERT_TRUE(std::equal(entries.begin(), entries.end(), seen.begin(), seen.end()));
  }
  ASSERT_EQ(message.ack_size(), result.payload.ack_size());
  for (int i = 0; i < message.ack_size(); ++i) {
    ASSERT_EQ(message.ack(i).first(), result.payload.ack(i).first());
    ASSERT_EQ(message.ack(i).count(), result.payload.ack(i).count());
  }
  ASSERT_EQ(message.bookmark_size(), result.payload.bookmark_size());
  for (int i = 0; i < message.bookmark_size(); ++i) {
    ASSERT_EQ(message.bookmark(i).key(), result.payload.bookmark(i).key());
    ASSERT_EQ(message.bookmark(i).value(), result.payload.bookmark(i).value());
  }
}

TEST(BlockPayloadTest, AgreesWithTheGeneratedCodeOnEveryTruncation) {
  Random random(3);
  for (int round = 0; round < 60; ++round) {
    const std::string bytes = random_payload(random).SerializeAsString();
    const std::size_t step = 1 + bytes.size() / 2000;
    for (std::size_t size = 0; size < bytes.size(); size += step) {
      expect_agreement(bytes.substr(0, size));
      if (HasFatalFailure()) return;
    }
  }
}

TEST(BlockPayloadTest, AgreesWithTheGeneratedCodeOnDamagedBytes) {
  Random random(4);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = random_payload(random).SerializeAsString();
    if (bytes.empty()) continue;
    const std::uint64_t change_count = random.between(1, 4);
    for (std::uint64_t i = 0; i < change_count; ++i) {
      bytes[random.below(bytes.size())] = static_cast<char>(random());
    }
    expect_agreement(bytes);
    if (HasFatalFailure()) return;
  }
}

TEST(BlockPayloadTest, AgreesWithTheGeneratedCodeOnNoise) {
  Random random(5);
  for (int round = 0; round < 20'000; ++round) {
    expect_agreement(random_bytes(random, 24));
    if (HasFatalFailure()) return;
  }
}

TEST(BlockPayloadTest, RangeThatWrapsAroundIsMalformed) {
  pb::Payload payload;
  pb::Range* const ack = payload.add_ack();
  ack->set_first(UINT64_MAX);
  ack->set_count(1);
  EXPECT_FALSE(read(payload.SerializeAsString()).is_valid);
  ack->set_count(0);
  EXPECT_TRUE(read(payload.SerializeAsString()).is_valid);
}

}  // namespace
}  // namespace spillway::wal
