// `recover repair` says what it would do and changes nothing; with --apply it leaves clean
// directories with every event that can be read, and the originals beside them, wherever it is cut
// off.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "agent/recover/directory_swap.h"
#include "agent/recover/repair_channel.h"
#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"

namespace spillway::agent::recover {
namespace {

namespace fs = std::filesystem;
using test::RunResult;
using test::StoredChannel;

using Files = std::map<std::string, std::string>;  // path below the directory -> contents

Files files_in(const fs::path& directory) {
  Files files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    const std::string name = fs::relative(entry.path(), directory).string();
    if (!entry.is_regular_file() || name.ends_with("in_use.lock")) continue;
    std::ifstream in(entry.path(), std::ios::binary);
    files[name].assign(std::istreambuf_iterator<char>(in), {});
  }
  return files;
}

/// Those that have been set aside, under the names they had.
Files originals_in(const fs::path& directory) {
  Files files;
  for (auto& [name, contents] : files_in(directory)) {
    const std::size_t at = name.find("before-repair-");
    if (at == std::string::npos) continue;
    files[name.substr(0, at) + name.substr(name.find('/', at) + 1)] = contents;
  }
  return files;
}

class RecoverRepairTest : public testing::Test {
 protected:
  RunResult repair(const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments{"repair", stored_.path()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_recover(arguments);
  }
  std::string bodies() { return run_recover({"cat", stored_.path(), "--format", "raw"}).out; }
  /// Five events of which the second is damaged.
  void store_damaged() {
    stored_.put_numbered(5);
    stored_.stop();
    stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(1) + 70);
  }
  /// Applies, and finds `wanted` in clean directories and `before` beside them.
  void expect_repaired(const std::string& wanted, const Files& before) {
    const RunResult result = repair({"--apply"});
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    EXPECT_NE(result.out.find("Repaired  the originals are in"), std::string::npos) << result.out;
    EXPECT_EQ(bodies(), wanted);
    EXPECT_EQ(run_recover({"verify", stored_.path()}).exit_code, 0);
    EXPECT_TRUE(originals_in(stored_.path()) == before);
    expect_nothing_to_do();
  }
  void expect_nothing_to_do() {
    const Files before = files_in(stored_.path());
    for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--apply"}}) {
      const RunResult result = repair(more);
      EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
      EXPECT_TRUE(result.out.starts_with("Nothing to repair")) << result.out;
    }
    EXPECT_TRUE(files_in(stored_.path()) == before);
  }
  ChannelDirs dirs() {
    return {.checkpoint_dir = stored_.file("checkpoint"), .data_dirs = {stored_.file("data")}};
  }
  /// The first `steps` of a repair, which then dies. False when it was complete before.
  bool repair_partly(int steps) {
    ChannelLocks locks;
    EXPECT_FALSE(locks.lock(repair_directories(dirs())).has_value());
    OfflineChannel channel;
    EXPECT_FALSE(open_channel(dirs(), nullptr, channel).has_value());
    RepairPlan plan;
    EXPECT_FALSE(plan_repair(channel, {}, plan).has_value());
    RepairJournal journal;
    const StopSignal stop;
    EXPECT_FALSE(prepare_repair(channel, plan, Progress::Style::kNone, stop, journal).has_value());
    DirectorySwap swap(journal);
    for (int i = 0; i < steps; ++i) {
      const auto stepped = swap.step();
      EXPECT_TRUE(stepped.has_value());
      if (!stepped.has_value() || !stepped.value()) return false;
    }
    return true;
  }

  StoredChannel stored_;
};

TEST_F(RecoverRepairTest, SourcesGoOnFromTheirBookmarks) {
  stored_.put_with_bookmark("e1", {.key = "r1", .value = "behind e1"});
  stored_.put_with_bookmark("e2", {.key = "r1", .value = "behind e2"});
  stored_.put_with_bookmark("e3", {.key = "r1", .value = "behind e3"});
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(1) + 70);
  EXPECT_EQ(repair({"--apply"}).exit_code, 0);
  ASSERT_TRUE(stored_.channel().start().has_value());
  EXPECT_EQ(stored_.channel().bookmark("r1").value(), "behind e3");
}

TEST_F(RecoverRepairTest, PlanSaysWhatIsKeptAndLostAndChangesNothing) {
  store_damaged();
  const Files before = files_in(stored_.path());
  const RunResult result = repair();
  EXPECT_EQ(result.exit_code, 1);
  for (const char* part :
       {"! damaged_blocks: the header or the checksum of a block is wrong", "sequence 2: LOST 1",
        "Keeps     4 events", "Loses     1 event that", "sequence 2 cannot be read",
        "Aside     2 files with 3.0 MiB", "nothing has been changed", "--apply"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part << "\n" << result.out;
  }
  EXPECT_TRUE(files_in(stored_.path()) == before);
}

TEST_F(RecoverRepairTest, ApplyLeavesCleanDirectoriesAndTheOriginalsAside) {
  store_damaged();
  expect_repaired("e1\ne3\ne4\ne5\n", files_in(stored_.path()));
  ASSERT_TRUE(stored_.channel().start().has_value());
  EXPECT_EQ(test::drain(stored_.channel()), (test::EventBodies{"e1", "e3", "e4", "e5"}));
}

TEST_F(RecoverRepairTest, WhatWasDeliveredDoesNotComeBack) {
  stored_.put_numbered(4);
  stored_.take(2);
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(0) + 70);
  EXPECT_NE(repair().out.find("Loses     no event"), std::string::npos);
  expect_repaired("e3\ne4\n", files_in(stored_.path()));
}

TEST_F(RecoverRepairTest, SoundDirectoriesAreLeftAlone) {
  stored_.put_numbered(3);
  stored_.crash();
  expect_nothing_to_do();
}

TEST_F(RecoverRepairTest, EveryKindOfDamageIsRepaired) {
  for (int i = 0; i < 40; ++i) stored_.put({std::string(60'000, 'x')});  // three segments
  stored_.put_numbered(2);
  stored_.stop();
  const auto expect_kept = [&](const std::string& wanted) {
    const Files before = files_in(stored_.path());
    EXPECT_EQ(repair().exit_code, 1);
    EXPECT_EQ(repair({"--apply"}).exit_code, 0);
    EXPECT_TRUE(bodies() == wanted);
    EXPECT_TRUE(originals_in(stored_.path()) == before);
    for (const char* directory : {"checkpoint", "data"}) {
      for (const auto& entry : fs::directory_iterator(stored_.file(directory))) {
        if (entry.is_directory()) fs::remove_all(entry.path());
      }
    }
  };
  {
    SCOPED_TRACE("both copies of the manifest");
    const std::string all = bodies();
    stored_.truncate("checkpoint/manifest", 0);
    expect_kept(all);
  }
  {
    SCOPED_TRACE("a slot file is gone");
    const std::string all = bodies();
    stored_.remove(StoredChannel::slot(2));
    const std::string rest = bodies();
    EXPECT_LT(rest.size(), all.size());
    EXPECT_TRUE(rest.ends_with("x\ne1\ne2\n"));
    expect_kept(rest);
  }
  {
    SCOPED_TRACE("a slot file of another channel");
    StoredChannel other;
    other.put_numbered(1);
    other.stop();
    fs::copy(other.file(StoredChannel::slot(1)), stored_.file(StoredChannel::slot(77)));
    expect_kept(bodies());
  }
}

TEST_F(RecoverRepairTest, MissingFilesAreToBeLookedForFirst) {
  for (int i = 0; i < 40; ++i) stored_.put({std::string(60'000, 'x')});  // three segments
  stored_.crash();
  stored_.remove("checkpoint/manifest");  // only the segments know of each other
  stored_.remove(StoredChannel::slot(2));
  const RunResult plan = repair();
  EXPECT_EQ(plan.exit_code, 1);
  EXPECT_NE(plan.out.find("First     find the missing slot files"), std::string::npos) << plan.out;
  const RunResult status = run_recover({"status", stored_.path()});
  EXPECT_NE(status.out.find("Next      find the missing slot files"), std::string::npos)
      << status.out;
}

TEST_F(RecoverRepairTest, CutOffAnywhereItIsFinishedByTheNext) {
  store_damaged();
  const Files before = files_in(stored_.path());
  const fs::path pristine = stored_.path() + ".pristine";
  fs::copy(stored_.path(), pristine, fs::copy_options::recursive);
  int steps = 0;
  for (bool is_cut_off = true; is_cut_off; ++steps) {
    SCOPED_TRACE(steps);
    for (const char* name : {"checkpoint", "data"}) {
      fs::remove_all(stored_.file(name));
      fs::copy(pristine / name, stored_.file(name), fs::copy_options::recursive);
    }
    is_cut_off = repair_partly(steps);
    if (!is_cut_off) break;
    EXPECT_EQ(stored_.channel().start().error().code, Errc::kLocked);
    for (const char* name : {"", "checkpoint", "data"}) {
      const RunResult status = run_recover({"status", stored_.file(name)});
      EXPECT_EQ(status.exit_code, 1);
      EXPECT_NE(status.err.find("a repair was cut off"), std::string::npos) << status.err;
    }
    expect_repaired("e1\ne3\ne4\ne5\n", before);
  }
  fs::remove_all(pristine);
  EXPECT_GE(steps, 6) << "aside, journal, install: one rename per file";
}

TEST_F(RecoverRepairTest, LeftoversOfAnAttemptBeforeTheExchangeAreReplaced) {
  store_damaged();
  const Files before = files_in(stored_.path());
  fs::create_directory(stored_.file("data/repair-new"));
  std::ofstream(stored_.file("data/repair-new/slot-00001.seg")) << "half of it";
  EXPECT_EQ(bodies(), "e1\ne3\ne4\ne5\n");
  expect_repaired("e1\ne3\ne4\ne5\n", before);
}

TEST_F(RecoverRepairTest, CopyOfARepairThatWasCutOffDoesNotTouchTheOriginal) {
  store_damaged();
  ASSERT_TRUE(repair_partly(1));
  const Files before = files_in(stored_.path());
  const test::TempDir copy;
  for (const char* name : {"checkpoint", "data"}) {
    fs::copy(stored_.file(name), copy.file(name), fs::copy_options::recursive);
  }
  const RunResult result = run_recover({"repair", copy.path().string(), "--apply"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("written for directories elsewhere"), std::string::npos) << result.err;
  EXPECT_TRUE(files_in(stored_.path()) == before);
}

TEST_F(RecoverRepairTest, FailureLeavesTheOriginalsAsTheyWere) {
  store_damaged();
  const Files before = files_in(stored_.path());
  const std::string script = "ulimit -f 64; trap '' XFSZ; exec " + spillway_binary() +
                             " recover repair --apply " + stored_.path();
  const RunResult result = test::run_program({"/bin/bash", "-c", script});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("the directories are as they were"), std::string::npos) << result.err;
  EXPECT_TRUE(files_in(stored_.path()) == before);
  EXPECT_FALSE(fs::exists(stored_.file("data/repair-new")));
}

TEST_F(RecoverRepairTest, DirectoryOfALiveAgentIsRefused) {
  stored_.put_numbered(2);
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"--apply"}}) {
    const RunResult result = repair(more);
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("in use"), std::string::npos) << result.err;
  }
  stored_.put_numbered(1);
}

TEST_F(RecoverRepairTest, DirectoriesThatCannotBeIdentifiedAreRefused) {
  store_damaged();
  stored_.truncate("checkpoint/manifest", 0);
  for (const std::uint64_t offset : {8U, 4104U}) stored_.flip(StoredChannel::slot(1), offset);
  const Files before = files_in(stored_.path());
  const RunResult result = repair({"--apply"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_NE(result.err.find("Are these the right directories?"), std::string::npos) << result.err;
  EXPECT_TRUE(files_in(stored_.path()) == before);
}

TEST(RecoverRepairPlacesTest, OneDirectoryMayHoldBoth) {
  StoredChannel stored(/*is_one_directory=*/true);
  stored.put_numbered(3);
  stored.stop();
  stored.flip("checkpoint/slot-00001.seg", StoredChannel::block_offset(1) + 70);
  const Files before = files_in(stored.path());
  EXPECT_EQ(run_recover({"repair", stored.path(), "--apply"}).exit_code, 0);
  EXPECT_EQ(run_recover({"cat", stored.path(), "--format", "raw"}).out, "e1\ne3\n");
  EXPECT_TRUE(originals_in(stored.path()) == before);
}

TEST(RecoverRepairPlacesTest, EachDataDirectoryKeepsItsOriginals) {
  StoredChannel stored;
  for (int i = 0; i < 20; ++i) stored.put({std::string(60'000, 'x')});
  stored.stop();
  fs::create_directory(stored.file("data2"));
  fs::rename(stored.file("data/slot-00002.seg"), stored.file("data2/slot-00002.seg"));
  stored.flip(StoredChannel::slot(1), StoredChannel::block_offset(0) + 70);
  const Files before = files_in(stored.path());
  const auto run = [&](const std::vector<std::string>& command) {
    std::vector<std::string> arguments = command;
    arguments.insert(arguments.end(), {"--checkpoint-dir", stored.file("checkpoint"), "--data-dirs",
                                       stored.file("data") + "," + stored.file("data2")});
    return run_recover(arguments);
  };
  const RunResult result = run({"repair", "--apply"});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(run({"verify"}).exit_code, 0);
  EXPECT_EQ(run({"cat", "--format", "raw"}).out.size(), 19U * 60'001);
  EXPECT_TRUE(originals_in(stored.path()) == before);
  EXPECT_TRUE(fs::exists(stored.file("data2/slot-00001.2of2.seg"))) << "both are used";
}

}  // namespace
}  // namespace spillway::agent::recover
