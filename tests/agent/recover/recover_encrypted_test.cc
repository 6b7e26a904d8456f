// The offline commands on an encrypted channel: status, ls and verify work without the keys and say
// which ones there are; cat wants them and says so. Keys come from files, key stores and
// configurations.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "agent/channels/pkcs12_keys.h"
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

TEST_F(RecoverEncryptedTest, ExportedChannelIsEncryptedToo) {
  stored_.stop();
  const std::string copy = keys_.file("copy");
  const RunResult without = run({"export", "--format", "channel", "-o", copy});
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_NE(without.err.find("missing key: segment 1"), std::string::npos) << without.err;
  const RunResult with = run({"export", "--key", key(), "--format", "channel", "-o", copy});
  EXPECT_EQ(with.exit_code, 0) << with.err;
  EXPECT_NE(with.out.find(", encrypted, "), std::string::npos) << with.out;
  EXPECT_EQ(run_recover({"cat", copy}).exit_code, 1);
  EXPECT_EQ(run_recover({"cat", copy, "--key", key(), "--format", "raw"}).out,
            "e4\ne5\ne6\ne7\ne8\ne9\ne10\ne11\n");
}

TEST_F(RecoverEncryptedTest, RepairedChannelIsEncryptedToo) {
  stored_.stop();
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(4) + 70);
  EXPECT_EQ(run({"repair", "--apply"}).exit_code, 1) << "no key";
  const RunResult result = run({"repair", "--apply", "--key", key()});
  EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
  EXPECT_EQ(run({"verify", "--key", key()}).exit_code, 0);
  EXPECT_EQ(run({"cat"}).exit_code, 1);
  EXPECT_EQ(run({"cat", "--key", key(), "--format", "raw"}).out, "e4\ne6\ne7\ne8\ne9\ne10\ne11\n");
}

TEST_F(RecoverEncryptedTest, StatusAndListWorkWithoutKeysAndNameThem) {
  stored_.stop();
  const RunResult status = run({"status"});
  EXPECT_EQ(status.exit_code, 0) << status.out << status.err;
  EXPECT_NE(status.out.find("missing key: segment 1"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("Waiting   8 events"), std::string::npos) << status.out;
  const auto json = json_of(run({"status", "--json"}));
  EXPECT_EQ(json["keys"][0]["name"], "k1");
  EXPECT_EQ(json["keys"][0]["is_given"], false);
  EXPECT_EQ(json["has_damage"], false);
  const auto given = json_of(run({"status", "--json", "--key", key()}));
  EXPECT_EQ(given["keys"][0]["is_given"], true);
  EXPECT_NE(run({"ls"}).out.find("encrypted with key \"k1\""), std::string::npos);
  EXPECT_EQ(run({"ls", "--blocks"}).exit_code, 0);
}

TEST_F(RecoverEncryptedTest, StatusOfACrashSaysThatAcknowledgementsAreUnread) {
  stored_.crash();
  const auto without = json_of(run({"status", "--json"}));
  EXPECT_EQ(without["has_unread_acknowledgements"], true);
  EXPECT_EQ(without["events"]["waiting"], 11);
  const auto with = json_of(run({"status", "--json", "--key", key()}));
  EXPECT_EQ(with["has_unread_acknowledgements"], false);
  EXPECT_EQ(with["events"]["waiting"], 8);
}

TEST_F(RecoverEncryptedTest, VerifyFindsDamageWithAndWithoutTheKey) {
  stored_.stop();
  const auto blind = json_of(run({"verify", "--json", "-q"}));
  EXPECT_EQ(blind["is_clean"], true);
  EXPECT_EQ(blind["locked_blocks"], blind["blocks"]);
  const RunResult words = run({"verify", "-q"});
  EXPECT_NE(words.out.find("checked by hash only"), std::string::npos) << words.out;
  const auto seeing = json_of(run({"verify", "--json", "-q", "--key", key()}));
  EXPECT_EQ(seeing["locked_blocks"], 0);
  EXPECT_EQ(seeing["is_clean"], true);
  stored_.flip(StoredChannel::slot(1), StoredChannel::block_offset(5) + 70);
  for (const std::vector<std::string>& more :
       {std::vector<std::string>{}, std::vector<std::string>{"--key", key()}}) {
    std::vector<std::string> arguments{"verify", "--json", "-q"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const auto damaged = json_of(run(arguments));
    EXPECT_EQ(damaged["is_clean"], false);
    EXPECT_EQ(find_kind(damaged["problems"], "damaged_blocks")["lost_events"], 1);
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

// tests/agent/encryption_options_test.cc says how the key store was made.
class RecoverKeyStoreTest : public testing::Test {
 protected:
  static Result<std::shared_ptr<const wal::KeyRing>> stored_key() {
    auto ring = std::make_shared<wal::KeyRing>();
    std::string problem;
    std::ifstream file(kStore, std::ios::binary);
    const std::string store{std::istreambuf_iterator<char>(file), {}};
    const auto secret = find_pkcs12_key(as_bytes(store), "key-1",
                                        {.store = "storepass1", .key = "storepass1"}, problem);
    EXPECT_TRUE(secret && ring->add("key-1", secret->span()).has_value()) << problem;
    EXPECT_TRUE(ring->set_active("key-1").has_value());
    return std::shared_ptr<const wal::KeyRing>(ring);
  }

  RecoverKeyStoreTest() {
    stored_.put_numbered(2);
    stored_.stop();
    std::ofstream(keys_.file("password")) << "storepass1\n";
    std::ofstream(keys_.file("wrong")) << "storepass2\n";
  }

  RunResult cat(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"cat", stored_.path(), "--format", "raw"};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return run_recover(all);
  }

  // With the key store and its password.
  RunResult cat_with_store(const std::vector<std::string>& arguments) {
    std::vector<std::string> all{"--key-store", kStore, "--key-store-password-file",
                                 keys_.file("password")};
    all.insert(all.end(), arguments.begin(), arguments.end());
    return cat(all);
  }

  static constexpr const char* kStore = SPILLWAY_KEYSTORE "/keytool.p12";
  StoredChannel stored_{false, stored_key};
  test::TempDir keys_;
};

TEST_F(RecoverKeyStoreTest, AllKeysOfTheStoreAreTaken) {
  const RunResult result = cat_with_store({});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "e1\ne2\n");
}

TEST_F(RecoverKeyStoreTest, SingleKeysAreTakenByName) {
  EXPECT_EQ(cat_with_store({"--key", "key-1"}).out, "e1\ne2\n");
  EXPECT_EQ(cat_with_store({"--key", "KEY-1"}).out, "e1\ne2\n");
  const RunResult other = cat_with_store({"--key", "key-0"});
  EXPECT_EQ(other.exit_code, 1);
  EXPECT_NE(other.err.find("missing key"), std::string::npos) << other.err;
  EXPECT_EQ(cat_with_store({"--key", "key-7"}).exit_code, 1);
  std::ofstream(keys_.file("k1")) << kHexOfZeros;
  const RunResult both = cat_with_store({"--key", "key-1", "--key", "k1=" + keys_.file("k1")});
  EXPECT_EQ(both.out, "e1\ne2\n") << both.err;
}

TEST_F(RecoverKeyStoreTest, PasswordsOfKeysMayDiffer) {
  const std::string right = "key-1=" + keys_.file("password");
  EXPECT_EQ(cat_with_store({"--key-password-file", right}).out, "e1\ne2\n");
  const std::string wrong = "key-1=" + keys_.file("wrong");
  const RunResult refused = cat_with_store({"--key-password-file", wrong});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_NE(refused.err.find("password of key \"key-1\" is wrong"), std::string::npos)
      << refused.err;
  EXPECT_EQ(cat_with_store({"--key-password-file", "key-1"}).exit_code, 2);
  EXPECT_EQ(
      cat_with_store({"--key", "key-1", "--key-password-file", "key-0=" + keys_.file("password")})
          .exit_code,
      2);
}

TEST_F(RecoverKeyStoreTest, UnusableStoreIsRefused) {
  const RunResult wrong =
      cat({"--key-store", kStore, "--key-store-password-file", keys_.file("wrong")});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_NE(wrong.err.find("password is wrong"), std::string::npos) << wrong.err;
  EXPECT_EQ(wrong.err.find("storepass"), std::string::npos) << wrong.err;
  EXPECT_EQ(cat({"--key-store", kStore}).exit_code, 2);
  EXPECT_EQ(cat({"--key-store-password-file", keys_.file("password")}).exit_code, 2);
  EXPECT_EQ(cat({"--key", "key-1"}).exit_code, 2);
  std::ofstream(keys_.file("text")) << "no key store";
  EXPECT_EQ(
      cat({"--key-store", keys_.file("text"), "--key-store-password-file", keys_.file("password")})
          .exit_code,
      1);
}

}  // namespace
}  // namespace spillway::agent::recover
