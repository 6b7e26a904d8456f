// A StreamBuffer gives a decoder every byte once and in order, however the input is cut, wherever
// it was read to, and whatever the decoder leaves for later.
#include "agent/net/stream_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/random.h"

namespace spillway::agent {
namespace {

constexpr std::size_t kRoom = 8;

/// Memory as a server reads into: used again for each piece.
struct ReadMemory {
  StreamPiece piece(std::string_view text) {
    std::fill(bytes.begin(), bytes.end(), '#');
    std::copy(text.begin(), text.end(), bytes.begin() + kRoom);
    return {bytes.data() + kRoom, text.size(), kRoom};
  }
  std::vector<char> bytes = std::vector<char>(64);
};

TEST(StreamBufferTest, ARestIsPutInFrontOfWhatIsReadNext) {
  ReadMemory memory;
  StreamBuffer buffer;
  buffer.feed(memory.piece("one,tw"));
  buffer.consume(4);
  buffer.settle();
  EXPECT_EQ(buffer.view(), "tw");
  buffer.feed(memory.piece("o,"));
  EXPECT_EQ(buffer.view(), "two,");
  EXPECT_EQ(buffer.view().data(), memory.bytes.data() + kRoom - 2);  // nothing else was copied
}

TEST(StreamBufferTest, ARestThatFitsInFrontOfNothingIsKeptBesides) {
  ReadMemory memory;
  StreamBuffer buffer;
  buffer.feed(memory.piece("123456789"));  // one more than there is room for
  buffer.settle();
  buffer.feed(memory.piece("0"));
  EXPECT_EQ(buffer.view(), "1234567890");
  EXPECT_EQ(memory.bytes.front(), '#');
}

TEST(StreamBufferTest, EveryByteComesOnceAndInOrder) {
  Random random(11);
  for (int round = 0; round < 500; ++round) {
    ReadMemory memory;
    StreamBuffer buffer;
    std::string sent;
    std::string seen;
    for (int piece = 0; piece < 20; ++piece) {
      std::string text;
      for (std::size_t i = random.below(40); i > 0; --i) {
        sent += static_cast<char>('a' + sent.size() % 26);
        text += sent.back();
      }
      if (random.below(4) == 0) {
        buffer.feed(std::string_view(text));
      } else {
        buffer.feed(memory.piece(text));
      }
      while (!buffer.view().empty() && random.below(3) != 0) {
        const std::size_t used = 1 + random.below(buffer.view().size());
        seen += buffer.view().substr(0, used);
        buffer.consume(used);
      }
      buffer.settle();
    }
    seen += buffer.view();
    ASSERT_EQ(seen, sent);
  }
}

}  // namespace
}  // namespace spillway::agent
