// The offline commands on an encrypted channel: status, ls and verify work without the keys and say
// which ones there are; cat wants them and says so.
#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/agent/recover/recover_binary.h"
#include "tests/support/stored_channel.h"
#include "wal/key_ring.h"

namespace spillway::agent::recover {
namespace {

using test::RunResult;
using test::StoredChannel;

constexpr const char* kHexOfZeros =
    "0000000000000000000000000000000000000000000000000000000000000000";

Result<std::shared_ptr<const wal::KeyRing>> zero_key() {
  auto ring = std::make_shared<wal::KeyRing>();
  EXPECT_TRUE(ring->add("k1", std::vector<std::byte>(32)).has_value());
  EXPECT_TRUE(ring->set_active("k1").has_value());
  return std::shared_ptr<const wal::KeyRing>(ring);
}

class RecoverEncryptedTest : public testing::Test {
 protected:
  RecoverEncryptedTest() {
    stored_.put_numbered(10);
    stored_.take(3);
    stored_.put_numbered(1);
    std::ofstream(keys_.file("k1")) << kHexOfZeros << '\n';
    std::ofstream(keys_.file("other")) << "11" << std::string(kHexOfZeros).substr(2) << '\n';
  }

  RunResult run(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin() + 1, stored_.path());
    return run_recover(arguments);
  }
  [[nodiscard]] std::string key() const { return "k1=" + keys_.file("k1"); }

  StoredChannel stored_{false, zero_key};
  test::TempDir keys_;
};

TEST_F(RecoverEncryptedTest, CatPrintsWithTheKeyAndRefusesWithout) {
  stored_.crash();
  const RunResult with = run({"cat", "--key", key(), "--format", "raw"});
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_EQ(with.out, "e4\ne5\ne6\ne7\ne8\ne9\ne10\ne11\n");
  const RunResult without = run({"cat"});
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_EQ(without.out, "");
  EXPECT_NE(without.err.find("missing key: segment 1 (slot-00001.seg) cannot be read without key "
                             "\"k1\""),
            std::string::npos)
      << without.err;
  const RunResult wrong = run({"cat", "--key", "k1=" + keys_.file("other")});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_NE(wrong.err.find("wrong key"), std::string::npos) << wrong.err;
  EXPECT_EQ(run({"cat", "--key", key(), "--from", "999"}).exit_code, 0);
  EXPECT_EQ(run({"cat", "--from", "999"}).exit_code, 0) << "nothing to decrypt";
}

TEST_F(RecoverEncryptedTest, StatusAndListWorkWithoutKeysAndNameThem) {
  stored_.stop();
  const RunResult status = run({"status"});
  EXPECT_EQ(status.exit_code, 0) << status.out << status.err;
  EXPECT_NE(status.out.find("missing key: segment 1"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("Waiting   8 events"), std::string::npos) << status.out;
  const auto json = json_of(run({"status", "--json"}));
  EXPECT_EQ(json.at("keys").at(0).at("name"), "k1");
  EXPECT_EQ(json.at("keys").at(0).at("is_given"), false);
  EXPECT_EQ(json.at("has_damage"), false);
  const auto given = json_of(run({"status", "--json", "--key", key()}));
  EXPECT_EQ(given.at("keys").at(0).at("is_given"), true);
  EXPECT_NE(run({"ls"}).out.find("encrypted with key \"k1\""), std::string::npos);
  EXPECT_EQ(run({"ls", "--blocks"}).exit_code, 0);
}

TEST_F(RecoverEncryptedTest, StatusOfACrashSaysThatAcknowledgementsAreUnread) {
  stored_.crash();
  const auto without = json_of(run({"status", "--json"}));
  EXPECT_EQ(without.at("has_unread_acknowledgements"), true);
  EXPECT_EQ(without.at("events").at("waiting"), 11);
  const auto with = json_of(run({"status", "--json", "--key", key()}));
  EXPECT_EQ(with.at("has_unread_acknowledgements"), false);
  EXPECT_EQ(with.at("events").at("waiting"), 8);
}

TEST_F(RecoverEncryptedTest, VerifyFindsDamageWithAndWithoutTheKey) {
  stored_.stop();
  const auto blind = json_of(run({"verify", "--json", "-q"}));
  EXPECT_EQ(blind.at("is_clean"), true);
  EXPECT_EQ(blind.at("locked_blocks"), blind.at("blocks"));
  const RunResult words = run({"verify", "-q"});
  EXPECT_NE(words.out.find("checked by hash only"), std::string::npos) << words.out;
  const auto seeing = json_of(run({"verify", "--json", "-q", "--key", key()}));
  EXPECT_EQ(seeing.at("locked_blocks"), 0);
  EXPECT_EQ(seeing.at("is_clean"), true);
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(5) + 70);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, std::vector<std::string>{"--key", key()}}) {
    std::vector<std::string> arguments{"verify", "--json", "-q"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto damaged = json_of(run(arguments));
    EXPECT_EQ(damaged.at("is_clean"), false);
    EXPECT_EQ(find_kind(damaged.at("problems"), "damaged_blocks").at("lost_events"), 1);
  }
}

TEST_F(RecoverEncryptedTest, KeysComeFromTheConfiguration) {
  stored_.stop();
  std::ofstream(keys_.file("conf"))
      << "a1.channels = c1\na1.channels.c1.type = file\n"
      << "a1.channels.c1.checkpointDir = " << stored_.file("checkpoint") << "\n"
      << "a1.channels.c1.dataDirs = " << stored_.file("data") << "\n"
      << "a1.channels.c1.encryption.activeKey = k1\n"
      << "a1.channels.c1.encryption.keyProvider = RAWFILE\n"
      << "a1.channels.c1.encryption.keyProvider.keys = k1\n"
      << "a1.channels.c1.encryption.keyProvider.keys.k1.file = " << keys_.file("k1") << "\n";
  const RunResult result =
      run_recover({"cat", "-f", keys_.file("conf"), "-n", "a1", "-c", "c1", "--limit", "1"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "4 {} e4\n");
}

TEST_F(RecoverEncryptedTest, UnusableKeyIsRefused) {
  stored_.stop();
  EXPECT_EQ(run({"cat", "--key", "k1"}).exit_code, 2);
  EXPECT_EQ(run({"cat", "--key", "k1=" + keys_.file("absent")}).exit_code, 1);
  std::ofstream(keys_.file("short")) << "abc";
  EXPECT_EQ(run({"cat", "--key", "k1=" + keys_.file("short")}).exit_code, 1);
}

}  // namespace
}  // namespace spillway::agent::recover
