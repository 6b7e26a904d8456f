// `recover export` writes the events that wait, complete, in order and byte for byte, to a file or
// directory that appears only when it is whole, and never touches what is there already.
#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/recover/export_events.h"
#include "channel/file_channel.h"
#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"
#include "tests/support/temp_dir.h"
#include "wal/io/posix_file_system.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;
using test::JsonValue;
using test::RunResult;
using test::StoredChannel;

constexpr int kNoAvro = 77;

class RecoverExportTest : public testing::Test {
 protected:
  /// Exports to `name` in a directory of its own.
  RunResult run(const std::string& format, const std::string& name,
                const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"export", stored_.path(), "--format",
                                       format,   "-o",           out_.file(name)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_recover(arguments);
  }
  std::string cat(const std::string& directory, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"cat", directory};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_recover(arguments).out;
  }
  [[nodiscard]] std::vector<std::string> names_left() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(out_.path())) {
      names.push_back(entry.path().filename());
    }
    return names;
  }
  /// Headers, and bodies of any bytes.
  void put_varied() {
    channel::EventBatch batch;
    const std::vector<channel::HeaderView> headers{{"host", "wéb"}, {"level", "warn"}};
    batch.add(headers, "one");
    batch.add(std::string_view("\0\xff\n", 3));
    batch.add("");
    stored_.put(batch);
    stored_.put({std::string(200'000, 'x')});
    stored_.put_numbered(3);
  }

  StoredChannel stored_;
  test::TempDir out_;
};

TEST_F(RecoverExportTest, JsonIsWhatCatPrints) {
  put_varied();
  stored_.take(2);
  stored_.put_numbered(1);
  stored_.crash();
  const RunResult result = run("json", "e.json");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(result.out.starts_with("exported 6 events to " + out_.file("e.json"))) << result.out;
  EXPECT_EQ(out_.read("e.json"), cat(stored_.path(), {"--format", "json"}));
  EXPECT_EQ(names_left(), std::vector<std::string>{"e.json"});
}

TEST_F(RecoverExportTest, AvroIsReadBackByAnotherImplementation) {
  put_varied();
  stored_.stop();
  EXPECT_EQ(run("avro", "e.avro").exit_code, 0);
  const RunResult read =
      test::run_program({"/usr/bin/python3", SPILLWAY_READ_AVRO, out_.file("e.avro")});
  if (read.exit_code == kNoAvro) GTEST_SKIP() << "needs the package python3-avro";
  ASSERT_EQ(read.exit_code, 0) << read.err;
  std::vector<JsonValue> events;
  std::istringstream in(read.out);
  for (std::string line; std::getline(in, line);) events.push_back(JsonValue::parse(line));
  ASSERT_EQ(events.size(), 7U);
  EXPECT_EQ(events[0]["headers"], JsonValue::parse(R"({"host": "wéb", "level": "warn"})"));
  EXPECT_EQ(events[0]["body"], "b25l");
  EXPECT_EQ(events[1]["headers"].size(), 0U);
  EXPECT_EQ(events[1]["body"], "AP8K");
  EXPECT_EQ(events[2]["body"], "");
  EXPECT_EQ(events[3]["body"].string().size(), 266'668U);
  EXPECT_EQ(events[6]["body"], "ZTM=");
}

TEST_F(RecoverExportTest, HeadersThatAvroCannotHoldAreSaid) {
  channel::EventBatch batch;
  const std::vector<channel::HeaderView> odd{{"k", "\xff"}};
  batch.add(odd, "one");
  stored_.put(batch);
  stored_.stop();
  const RunResult avro = run("avro", "e.avro");
  EXPECT_EQ(avro.exit_code, 1);
  EXPECT_NE(avro.out.find("1 event with headers that Avro cannot hold"), std::string::npos);
  EXPECT_TRUE(fs::exists(out_.path() / "e.avro"));
  EXPECT_EQ(run("json", "e.json").exit_code, 0);
}

TEST_F(RecoverExportTest, ChannelHoldsTheSameEventsAndStarts) {
  put_varied();
  stored_.take(1);
  stored_.put_numbered(1500);
  stored_.crash();
  const RunResult result = run("channel", "c");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(names_left(), std::vector<std::string>{"c"});
  EXPECT_EQ(run_recover({"verify", out_.file("c")}).exit_code, 0);

  io::PosixFileSystem file_system;
  const SystemClock clock;
  channel::FileChannel copy({.name = "copy",
                             .checkpoint_dir = out_.file("c/checkpoint"),
                             .data_dirs = {out_.file("c/data")}},
                            file_system, clock);
  ASSERT_TRUE(copy.start().has_value());
  ASSERT_TRUE(stored_.channel().start().has_value());
  EXPECT_EQ(copy.size_events(), 1506U);
  const auto wanted = std::move(stored_.channel().take(2000, std::chrono::milliseconds(0)).value());
  const auto copied = std::move(copy.take(2000, std::chrono::milliseconds(0)).value());
  ASSERT_EQ(copied->events().size(), wanted->events().size());
  for (std::size_t i = 0; i < wanted->events().size(); ++i) {
    EXPECT_EQ(as_text(copied->events()[i].encoded()), as_text(wanted->events()[i].encoded())) << i;
  }
}

TEST_F(RecoverExportTest, ChannelHasTheBookmarksUnlessEventsWereLeftOut) {
  stored_.put_with_bookmark("one", {.key = "r1", .value = "behind one"});
  stored_.put_with_bookmark("two", {.key = "r1", .value = "behind two"});
  stored_.put_with_bookmark("three", {.key = "r2", .value = "behind three"});
  stored_.take(3);  // an empty channel has them, too
  stored_.crash();
  const auto bookmarks = [this](const std::string& name) {
    return json_of(run_recover({"status", out_.file(name), "--json"}))["bookmarks"];
  };
  ASSERT_EQ(run("channel", "all").exit_code, 0);
  const auto all = bookmarks("all");
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0]["source"], "r1");
  EXPECT_EQ(all[0]["value"], "behind two");
  EXPECT_EQ(all[1]["source"], "r2");
  EXPECT_EQ(all[1]["value"], "behind three");
  ASSERT_EQ(run("channel", "some", {"--all", "--to", "2"}).exit_code, 0);
  EXPECT_EQ(bookmarks("some").size(), 0U);
}

TEST_F(RecoverExportTest, FiltersAreThoseOfCat) {
  put_varied();
  stored_.stop();
  EXPECT_EQ(run("json", "h.json", {"--header", "host=wéb"}).exit_code, 0);
  EXPECT_EQ(out_.read("h.json"), cat(stored_.path(), {"--header", "host=wéb", "--format", "json"}));
  EXPECT_EQ(run("channel", "c", {"--from", "6", "--to", "7", "--limit", "1"}).exit_code, 0);
  EXPECT_EQ(cat(out_.file("c")), "1 {} e2\n");
  EXPECT_EQ(run("json", "none.json", {"--before", "2000-01-01"}).exit_code, 0);
  EXPECT_EQ(out_.read("none.json"), "");
}

TEST_F(RecoverExportTest, DamageIsSkippedAndCounted) {
  stored_.put_numbered(4);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(1) + 70);
  const RunResult result = run("channel", "c");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err, "damaged: sequence 2 cannot be read (LSN 4096 to 8192)\n");
  EXPECT_NE(result.out.find("exported 3 events"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("LOST 1 event: damaged"), std::string::npos) << result.out;
  EXPECT_EQ(cat(out_.file("c")), "1 {} e1\n2 {} e3\n3 {} e4\n");
}

TEST_F(RecoverExportTest, NothingIsOverwritten) {
  stored_.put_numbered(1);
  stored_.stop();
  out_.write("taken", "mine");
  fs::create_directory(out_.path() / "empty");
  for (const char* format : {"json", "avro", "channel"}) {
    for (const char* name : {"taken", "empty"}) {
      const RunResult result = run(format, name);
      EXPECT_EQ(result.exit_code, 1);
      EXPECT_NE(result.err.find("is there already, and is not overwritten"), std::string::npos);
    }
  }
  EXPECT_EQ(out_.read("taken"), "mine");
  out_.write("cut.partial", "of another export");
  const RunResult cut = run("channel", "cut");
  EXPECT_EQ(cut.exit_code, 1);
  EXPECT_NE(cut.err.find("cut.partial is there: another export"), std::string::npos) << cut.err;
  EXPECT_EQ(run("json", "cut").exit_code, 1);
  EXPECT_EQ(out_.read("cut.partial"), "of another export");
  EXPECT_EQ(names_left().size(), 3U);
}

TEST_F(RecoverExportTest, NothingIsWrittenIntoTheChannel) {
  stored_.put_numbered(1);
  stored_.stop();
  for (const std::string path : {"data/slot-00009.seg", "checkpoint/x"}) {
    const RunResult result =
        run_recover({"export", stored_.path(), "--format", "json", "--output", stored_.file(path)});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_FALSE(fs::exists(stored_.file(path)));
  }
}

TEST_F(RecoverExportTest, FailureLeavesNothingBehind) {
  put_varied();
  const RunResult live = run("json", "e.json");
  EXPECT_EQ(live.exit_code, 1);
  EXPECT_NE(live.err.find("in use by process"), std::string::npos);
  stored_.stop();
  const RunResult missing = run_recover(
      {"export", stored_.path(), "--format", "channel", "-o", out_.file("no/such/place")});
  EXPECT_EQ(missing.exit_code, 1);
  EXPECT_NE(missing.err.find("nothing was exported"), std::string::npos) << missing.err;
  const std::string script = "ulimit -f 64; trap '' XFSZ; exec " + spillway_binary() +
                             " recover export " + stored_.path() + " --format json -o " +
                             out_.file("large.json");
  const RunResult large = test::run_program({"/bin/bash", "-c", script});
  EXPECT_EQ(large.exit_code, 1);
  EXPECT_NE(large.err.find("cannot write output file"), std::string::npos) << large.err;
  EXPECT_EQ(run("xml", "e.xml").exit_code, 2);
  EXPECT_TRUE(names_left().empty());
}

TEST_F(RecoverExportTest, SignalLeavesNothingBehind) {
  put_varied();
  stored_.stop();
  OfflineChannel channel;
  const ChannelDirs dirs{.checkpoint_dir = stored_.file("checkpoint"),
                         .data_dirs = {stored_.file("data")}};
  ASSERT_FALSE(open_channel(dirs, nullptr, channel).has_value());
  StopSignal stop;
  stop.request();
  Output notes(stderr);
  for (const auto format : {ExportFormat::kJson, ExportFormat::kAvro, ExportFormat::kChannel}) {
    ExportReport report;
    const auto refusal =
        export_events(channel, {}, {.format = format, .path = out_.file("e")}, stop, notes, report);
    ASSERT_TRUE(refusal.has_value());
    EXPECT_NE(refusal->reason.find("stopped by a signal"), std::string::npos) << refusal->reason;
    EXPECT_TRUE(names_left().empty());
  }
}

}  // namespace
}  // namespace spillway::agent::recover
