// `recover cat` prints exactly the events an agent would deliver, in order and without loss of
// bytes, and reports damage where it lies.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "tests/agent/recover/recover_binary.h"
#include "tests/support/json_value.h"
#include "tests/support/stored_channel.h"
#include "wal/base/sanitizer.h"

namespace spillway::agent::recover {
namespace {

using test::JsonValue;
using test::RunResult;
using test::StoredChannel;

class RecoverCatTest : public testing::Test {
 protected:
  RunResult cat(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), {"cat", stored_.path()});
    return run_recover(arguments);
  }
  std::string bodies(std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.end(), {"--format", "raw"});
    const RunResult result = cat(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err, "");
    return result.out;
  }
  /// Runs `script` in a shell, with $0 the command.
  RunResult shell(const std::string& script) {
    return test::run_program(
        {"/bin/bash", "-c", script, spillway_binary() + " recover cat " + stored_.path()});
  }

  StoredChannel stored_;
};

TEST_F(RecoverCatTest, PrintsWhatWaitsInOrder) {
  stored_.put_numbered(5);
  stored_.take(2);
  stored_.stop();
  const RunResult result = cat();
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.out, "3 {} e3\n4 {} e4\n5 {} e5\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(RecoverCatTest, PrintsAcknowledgedEventsOnDemand) {
  stored_.put_numbered(3);
  stored_.take(2);
  stored_.stop();
  EXPECT_EQ(bodies({"--all"}), "e1\ne2\ne3\n");
}

TEST_F(RecoverCatTest, LeavesOutWhatWasAcknowledgedOutOfOrder) {
  stored_.put_numbered(6);
  auto first = std::move(stored_.channel().take(2, std::chrono::milliseconds(0)).value());
  stored_.take(2);  // 3 and 4, while 1 and 2 are in other hands
  stored_.put_numbered(1);
  stored_.crash();
  EXPECT_EQ(bodies(), "e1\ne2\ne5\ne6\ne7\n");
}

TEST_F(RecoverCatTest, EmptyChannelPrintsNothing) {
  stored_.stop();
  EXPECT_EQ(bodies(), "");
}

TEST_F(RecoverCatTest, SelectsBySequenceAndCount) {
  for (int i = 0; i < 40; ++i) stored_.put({std::string(60'000, 'x')});  // three segments
  stored_.put_numbered(5);                                               // 41 to 45
  stored_.stop();
  EXPECT_EQ(bodies({"--from", "42"}), "e2\ne3\ne4\ne5\n");
  EXPECT_EQ(bodies({"--from", "42", "--to", "43"}), "e2\ne3\n");
  EXPECT_EQ(bodies({"--from", "43", "--limit", "1"}), "e3\n");
  EXPECT_EQ(bodies({"--from", "46"}), "");
  EXPECT_EQ(bodies({"--to", "1"}).size(), 60'001U);
  EXPECT_EQ(bodies({"--from", "44", "--to", "18446744073709551615"}), "e4\ne5\n");
}

TEST_F(RecoverCatTest, SelectsByHeader) {
  channel::EventBatch batch;
  const std::vector<channel::HeaderView> web{{"host", "web"}, {"level", "warn"}};
  const std::vector<channel::HeaderView> db{{"host", "db"}, {"level", "warn"}};
  batch.add(web, "one");
  batch.add(db, "two");
  batch.add("three");
  stored_.put(batch);
  stored_.stop();
  EXPECT_EQ(bodies({"--header", "host=web"}), "one\n");
  EXPECT_EQ(bodies({"--header", "level=warn", "--header", "host=db"}), "two\n");
  EXPECT_EQ(bodies({"--header", "host="}), "");
  EXPECT_EQ(cat({"--header", "host"}).exit_code, 2);
}

TEST_F(RecoverCatTest, JsonLosesNothing) {
  channel::EventBatch batch;
  const std::vector<channel::HeaderView> plain{{"k\"", "v\n\x01"}, {"host", "wéb"}};
  const std::vector<channel::HeaderView> odd{{"k", "\xff"}};
  const std::string zero("a\0b", 3);
  batch.add(plain, "tab\tand \\ and \"quotes\" and ü");
  batch.add(odd, "body\xfe");
  batch.add(zero);
  batch.add("");
  stored_.put(batch);
  stored_.stop();
  const RunResult result = cat({"--format", "json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  std::vector<JsonValue> lines;
  std::istringstream in(result.out);
  for (std::string line; std::getline(in, line);) lines.push_back(JsonValue::parse(line));
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[0]["sequence"], 1);
  EXPECT_EQ(lines[0]["headers"], JsonValue::parse(R"({"k\"":"v\n\u0001","host":"wéb"})"));
  EXPECT_EQ(lines[0]["body"], "tab\tand \\ and \"quotes\" and ü");
  EXPECT_EQ(lines[1]["headers_base64"], JsonValue::parse(R"([["aw==","/w=="]])"));
  EXPECT_EQ(lines[1]["body_base64"], "Ym9kef4=");
  EXPECT_EQ(lines[2]["body"], zero);
  EXPECT_EQ(lines[3]["headers"], JsonValue::parse("{}"));
  EXPECT_EQ(lines[3]["body"], "");
}

TEST_F(RecoverCatTest, TextIsOneLinePerEvent) {
  channel::EventBatch batch;
  const std::vector<channel::HeaderView> headers{{"a", "1"}, {"b", "x\ny"}};
  batch.add(headers, "line\r\n\xff\x1b[31m \\ ü");
  stored_.put(batch);
  stored_.stop();
  EXPECT_EQ(cat().out, "1 {a=1, b=x\\ny} line\\r\\n\\xff\\x1b[31m \\\\ ü\n");
}

TEST_F(RecoverCatTest, RawBodiesAreSeparatedAsAsked) {
  stored_.put({"one", "two\n"});
  stored_.stop();
  EXPECT_EQ(bodies({"--separator", "newline"}), "one\ntwo\n\n");
  EXPECT_EQ(bodies({"--separator", "none"}), "onetwo\n");
  EXPECT_EQ(bodies({"--separator", "nul"}), std::string("one\0two\n\0", 9));
  EXPECT_EQ(cat({"--separator", "comma"}).exit_code, 2);
  EXPECT_EQ(cat({"--format", "xml"}).exit_code, 2);
}

TEST_F(RecoverCatTest, DamageIsReportedInPlace) {
  stored_.put_numbered(4);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(1) + 70);
  const RunResult result = shell("$0 2>&1");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out,
            "1 {} e1\ndamaged: sequence 2 cannot be read (LSN 4096 to 8192)\n3 {} e3\n4 {} e4\n");
  EXPECT_EQ(cat({"--from", "3"}).exit_code, 0);  // the damage is not in what was asked for
}

TEST_F(RecoverCatTest, DamageThatRecoveryFindsIsReportedToo) {
  stored_.put_numbered(3);
  stored_.crash();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(0) + 70);
  const RunResult result = cat();
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.out, "2 {} e2\n3 {} e3\n");
  EXPECT_EQ(result.err, "damaged: sequence 1 cannot be read (LSN 0 to 4096)\n");
}

TEST_F(RecoverCatTest, DamageAmongAcknowledgedEventsIsNoLoss) {
  stored_.put_numbered(4);
  stored_.take(2);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(0) + 70);
  EXPECT_EQ(bodies(), "e3\ne4\n");
  EXPECT_EQ(cat({"--all"}).exit_code, 1);
}

TEST_F(RecoverCatTest, ReaderThatGoesAwayEndsItQuietly) {
  for (int i = 0; i < 200; ++i) stored_.put({std::string(10'000, 'x')});
  stored_.stop();
  const RunResult result = shell("$0 | head -c 10; echo \" ${PIPESTATUS[0]}\"");
  EXPECT_EQ(result.out, "1 {} xxxxx 0\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(RecoverCatTest, FullDiskUnderTheOutputIsAFailure) {
  stored_.put({std::string(10'000, 'x')});
  stored_.stop();
  const RunResult result = shell("$0 > /dev/full");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("cannot write the output: No space left"), std::string::npos)
      << result.err;
}

TEST_F(RecoverCatTest, EventThatIsNoneIsReportedAndKept) {
  const std::string body(100, 'x');
  stored_.put({body, "two"});
  stored_.stop();
  // A sound block around a broken event: only a program with a bug writes one. Rewritten here with
  // a right checksum, so that it is found behind all other checks.
  const std::uint64_t offset = StoredChannel::block_offset(0);
  std::string block = stored_.read(StoredChannel::slot(1)).substr(offset, wal::kBlockAlignBytes);
  const std::size_t at = block.find(body) - 1;  // the length of the body
  block[at] = 101;
  stored_.overwrite(StoredChannel::slot(1), offset, stored_.with_right_hash(block));
  const RunResult result = cat({"--format", "json"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.out.find(R"({"sequence":1,"undecodable_base64":")"), std::string::npos)
      << result.out;
  EXPECT_NE(result.out.find(R"({"sequence":2,"headers":{},"body":"two"})"), std::string::npos);
  EXPECT_NE(result.err.find("sequence 1 is stored whole, but is no event"), std::string::npos);
  EXPECT_EQ(cat().out, "2 {} two\n");
}

TEST_F(RecoverCatTest, MemoryDoesNotGrowWithTheBacklog) {
  const auto put_some = [this](int count) {
    for (int i = 0; i < count; ++i) stored_.put({std::string(60'000, 'x')});
  };
  put_some(10);
  stored_.stop();
  const RunResult small = cat({"--format", "raw"});
  ASSERT_TRUE(stored_.channel().start().has_value());
  put_some(500);  // 30 MB
  stored_.stop();
  const RunResult large = cat({"--format", "raw"});
  EXPECT_EQ(small.out.size(), 10U * 60'001);
  EXPECT_EQ(large.out.size(), 510U * 60'001);
  if (kHasAddressSanitizer) GTEST_SKIP() << "AddressSanitizer's allocator keeps memory";
  EXPECT_LT(large.memory_max_bytes, small.memory_max_bytes + 10 * 1024 * 1024);
}

}  // namespace
}  // namespace spillway::agent::recover
