// The position file is Flume's, survives what Flume's crashes leave, and never keeps us from
// starting.
#include "agent/sources/tail_positions.h"

#include <gtest/gtest.h>

#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using Positions = std::vector<TailPosition>;

const Positions kTwo{{.inode = 2496272, .offset_bytes = 12, .path = "/tmp/test1.log"},
                     {.inode = 7, .offset_bytes = 0, .path = "/tmp/a \"b\".log"}};

TEST(TailPositionsTest, ReadsWhatFlumeWrites) {
  const auto parsed = parse_tail_positions(R"([{"inode":2496272,"pos":12,"file":"/tmp/test1.log"},)"
                                           R"({"inode":7,"pos":0,"file":"/tmp/a \"b\".log"}])");
  EXPECT_TRUE(parsed.is_complete);
  EXPECT_EQ(parsed.positions, kTwo);
}

TEST(TailPositionsTest, WritesWhatFlumeReads) {
  EXPECT_EQ(format_tail_positions(kTwo),
            "[{\"inode\":2496272,\"pos\":12,\"file\":\"/tmp/test1.log\"},\n"
            "{\"inode\":7,\"pos\":0,\"file\":\"/tmp/a \\\"b\\\".log\"}]\n");
  EXPECT_EQ(format_tail_positions({}), "[]\n");
}

TEST(TailPositionsTest, KeepsWhatIsWholeBeforeTheDamage) {
  const std::string whole = format_tail_positions(kTwo);
  for (std::size_t size = 0; size + 2 < whole.size(); ++size) {
    const auto parsed = parse_tail_positions(whole.substr(0, size));
    EXPECT_FALSE(parsed.is_complete) << size;
    ASSERT_LE(parsed.positions.size(), 2U);
    for (std::size_t i = 0; i < parsed.positions.size(); ++i) {
      EXPECT_EQ(parsed.positions[i], kTwo[i]) << size;
    }
  }
}

TEST(TailPositionsTest, EntriesThatMakeNoSenseAreLeftOut) {
  for (const char* const text :
       {R"([{"inode":1,"pos":-5,"file":"/a"}])", R"([{"inode":1,"file":"/a"}])",
        R"([{"inode":1,"pos":"5","file":"/a"}])", R"([{"inode":1,"pos":1e3,"file":"/a"}])",
        R"({"inode":1,"pos":5,"file":"/a"})", R"([[{"inode":1,"pos":5,"file":"/a"}]])", "7",
        "[7]"}) {
    EXPECT_TRUE(parse_tail_positions(text).positions.empty()) << text;
  }
}

TEST(TailPositionsTest, UnknownMembersDoNotMatter) {
  const auto parsed = parse_tail_positions(R"([{"x":[1],"inode":1,"pos":5,"file":"/a"}])");
  EXPECT_FALSE(parsed.is_complete);  // nested values are not ours
  const auto flat = parse_tail_positions(R"([{"x":null,"inode":1,"pos":5,"file":"/a","y":true}])");
  EXPECT_EQ(flat.positions, (Positions{{.inode = 1, .offset_bytes = 5, .path = "/a"}}));
}

TEST(TailPositionsTest, HeadsComeBackFromTheirOwnFile) {
  const test::TempDir dir;
  const std::string path = dir.file("deep/er/positions.json");
  Positions positions = kTwo;
  positions[0].head = {.size_bytes = 1024, .hash = 0x00ABCDEF12345678};
  ASSERT_TRUE(save_tail_positions(path, positions).has_value());
  const auto loaded = load_tail_positions(path);
  ASSERT_TRUE(loaded.has_value());
  EXPECT_TRUE(loaded.value().is_complete);
  EXPECT_EQ(loaded.value().positions, positions);
}

TEST(TailPositionsTest, DamagedHeadsAreAsGoodAsNone) {
  for (const char* const text :
       {"", "[", R"([{"inode":7,"bytes":1025,"xxh3":"0000000000000001"}])",
        R"([{"inode":7,"bytes":10,"xxh3":"00000000000000zz"}])",
        R"([{"inode":7,"bytes":10,"xxh3":"1"}])", R"([{"inode":7,"bytes":10}])"}) {
    Positions positions = kTwo;
    parse_tail_heads(text, positions);
    EXPECT_EQ(positions, kTwo) << text;
  }
}

TEST(TailPositionsTest, MissingFileIsAnEmptyListAndAnUnreadableOneAnError) {
  const test::TempDir dir;
  EXPECT_TRUE(load_tail_positions(dir.file("none")).value().positions.empty());
  EXPECT_FALSE(load_tail_positions(dir.path().string()).has_value());
}

TEST(TailPositionsTest, PathsThatAreNotUtf8DoNotBreakTheFile) {
  const auto parsed = parse_tail_positions(
      format_tail_positions({{.inode = 1, .offset_bytes = 5, .path = "/a\xFF"}}));
  EXPECT_TRUE(parsed.is_complete);
  EXPECT_EQ(parsed.positions.front().offset_bytes, 5U);
}

}  // namespace
}  // namespace spillway::agent
