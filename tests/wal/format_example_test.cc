// The worked example of docs/format.md is what the code writes, byte for byte.
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "channel/event_batch.h"
#include "wal/block.h"
#include "wal/block_payload.h"

namespace spillway::wal {
namespace {

constexpr std::string_view kFence = "```hex commit-block\n";

// The hex digits of the example, without offsets and remarks.
std::string documented_hex() {
  const std::filesystem::path root =
      std::filesystem::path(__FILE__).parent_path().parent_path().parent_path();
  std::ifstream file(root / "docs" / "format.md");
  std::ostringstream all;
  all << file.rdbuf();
  const std::string text = all.str();
  const std::size_t begin = text.find(kFence);
  if (begin == std::string::npos) return "no example in docs/format.md";
  const std::size_t end = text.find("```", begin + kFence.size());
  std::istringstream lines(text.substr(begin + kFence.size(), end - begin - kFence.size()));
  std::string hex;
  for (std::string line; std::getline(lines, line);) {
    line = line.substr(line.find(' ') + 1);
    for (const char c : line.substr(0, line.find("  "))) {
      if (c != ' ') hex += c;
    }
  }
  return hex;
}

std::string to_hex(ByteSpan bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string hex;
  for (const std::byte b : bytes) {
    hex += kDigits[static_cast<std::size_t>(b) >> 4U];
    hex += kDigits[static_cast<std::size_t>(b) & 15U];
  }
  return hex;
}

TEST(FormatExampleTest, CommitBlockIsWhatTheDocumentShows) {
  ChannelId id{};
  for (std::size_t i = 0; i < id.size(); ++i) id[i] = static_cast<std::byte>(i);
  const std::array headers{channel::HeaderView{"host", "n1"}};
  channel::EventBatch batch;
  batch.add(headers, "hello");

  std::vector<std::byte> bytes(kBlockAlignBytes);
  std::byte* end = write_put(bytes.data() + kBlockHeaderBytes, batch.entries());
  end = write_ack(end, {.first = {1}, .end = {3}});
  BlockHeader header{.segment_nonce = 0x1122334455667789,
                     .lsn = 8192,
                     .durable_lsn = 8192,
                     .first_sequence = 3,
                     .entry_count = 1,
                     .previous_hash = 0x0102030405060708};
  header.payload_bytes =
      static_cast<std::uint32_t>(end - bytes.data() - std::ptrdiff_t{kBlockHeaderBytes});
  seal_block(bytes, header, hash_seed(id));

  EXPECT_EQ(to_hex(ByteSpan(bytes).first(kBlockHeaderBytes + header.payload_bytes)),
            documented_hex());
}

}  // namespace
}  // namespace spillway::wal
