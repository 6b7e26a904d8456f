// The encryption.* options: what is refused before anything starts, which keys the files give, and
// that `check` names the key that stored events lack.
//
// keystore/keytool.p12 was made by the keytool of OpenJDK 17, once for each key:
//   keytool -genseckey -alias key-0 -keyalg AES -keysize 256 -storetype PKCS12 -keystore
//       keytool.p12 -storepass storepass1      (key-1: 128 bits)
// and the keys below were read from it by Java.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "agent/channels/encryption.h"
#include "agent/channels/key_file.h"
#include "agent/channels/pkcs12_keys.h"
#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/events.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"
#include "wal/base/random.h"
#include "wal/block_cipher.h"

namespace spillway::agent {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

using Given = std::map<std::string, std::string>;

constexpr std::string_view kKey0 =
    "1cb7534834e219178ee749e467b183fd6e82b1db5bf33a522d07d61f403765f7";
constexpr std::string_view kKey1 = "2c6521cdd214233b1515d9a3e1ae8cbd";

std::string hex(ByteSpan bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{15})];
  }
  return text;
}

std::string parsed(std::string_view text) {
  const auto key = parse_raw_key(as_bytes(text));
  return key ? hex(key->span()) : "refused";
}

TEST(RawKeyTest, IsTakenAsBytesHexAndBase64) {
  const std::string bytes = "0123456789abcdefghijklmnopqrstu\n";  // white space may be a key's byte
  const std::string expected = hex(as_bytes(bytes));
  EXPECT_EQ(parsed(bytes), expected);
  EXPECT_EQ(parsed(expected), expected);
  EXPECT_EQ(parsed(" " + expected + "\r\n"), expected);
  EXPECT_EQ(parsed("MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dQo="), expected);
  EXPECT_EQ(parsed("MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dQo=\n"), expected);
}

TEST(RawKeyTest, AnythingElseIsRefused) {
  for (const std::string& text :
       {std::string(), std::string(31, 'x'), std::string(33, 'x'), std::string(63, 'a'),
        std::string(65, 'a'), std::string(63, 'a') + "g", std::string(44, 'A'),
        std::string(43, 'A') + "-",
        std::string("MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dQp=") /* stray bit */,
        std::string(42, 'A') + "==", std::string(1000, 'a')}) {
    EXPECT_EQ(parsed(text), "refused") << text;
  }
}

class EncryptionOptionsTest : public testing::Test {
 protected:
  static Config config_of(const Given& given) {
    return Config::of(kFileChannelType.options, given);
  }

  static std::string refusal(const Given& given) {
    const auto refused = read_encryption(config_of(given));
    return refused.has_value() ? "not refused" : refused.error().what;
  }

  std::string write(const std::string& name, std::string_view text) {
    std::ofstream(dir.file(name), std::ios::binary) << text;
    std::filesystem::permissions(dir.file(name), std::filesystem::perms::owner_read);
    return dir.file(name);
  }

  // Keys are digits' names: the key "a" has the file "a" with 64 times 'a'.
  Given raw(const std::string& active, const std::string& names) {
    Given given{{"checkpointDir", dir.file("checkpoint")},
                {"dataDirs", dir.file("data")},
                {"segmentSize", "4MiB"},
                {"encryption.activeKey", active},
                {"encryption.keyProvider", "RAWFILE"},
                {"encryption.keyProvider.keys", names}};
    for (const char c : names) {
      if (c == ' ') continue;
      const std::string name(1, c);
      std::filesystem::remove(dir.file(name));
      given["encryption.keyProvider.keys." + name + ".file"] = write(name, std::string(64, c));
    }
    return given;
  }

  Given pkcs12(const std::string& active, const std::string& names) {
    return {{"encryption.activeKey", active},
            {"encryption.cipherProvider", "AESCTRNOPADDING"},
            {"encryption.keyProvider", "PKCS12"},
            {"encryption.keyProvider.keyStoreFile", SPILLWAY_KEYSTORE "/keytool.p12"},
            {"encryption.keyProvider.keyStorePasswordFile", write("password", "storepass1\n")},
            {"encryption.keyProvider.keys", names}};
  }

  std::string load_problem(const Given& given) {
    std::string problem;
    const auto ring = load_keys(read_encryption(config_of(given)).value(), problem);
    EXPECT_EQ(ring == nullptr, !problem.empty());
    return problem;
  }

  static std::unique_ptr<channel::Channel> create(const Given& given) {
    static const SystemClock kClock;
    return std::move(
        kFileChannelType.create({.name = "c1", .clock = &kClock}, config_of(given)).value());
  }

  test::TempDir dir;
};

TEST_F(EncryptionOptionsTest, NothingGivenMeansPlainText) {
  std::string problem;
  EXPECT_EQ(load_keys(read_encryption(config_of({})).value(), problem), nullptr);
  EXPECT_EQ(problem, "");
}

TEST_F(EncryptionOptionsTest, FlumesKeyStoreIsRefusedWithTheWayOut) {
  Given given = pkcs12("key-0", "key-0");
  given["encryption.keyProvider"] = "JCEKSFILE";
  EXPECT_THAT(refusal(given), HasSubstr("keytool -importkeystore"));
  EXPECT_THAT(refusal(given), HasSubstr("-deststoretype PKCS12"));
}

TEST_F(EncryptionOptionsTest, AesCtrIsAcceptedWithANotice) {
  for (const std::string cipher : {"aesctrnopadding", "AESGCM"}) {
    Config::Values values;
    values["encryption.cipherProvider"] = {.text = cipher, .origin = {.file = "f", .line = 1}};
    std::vector<ConfigProblem> problems;
    Config::validate(kFileChannelType.options, values, "", {}, problems);
    EXPECT_FALSE(has_errors(problems));
    EXPECT_EQ(problems.size(), cipher == "AESGCM" ? 0U : 1U);
  }
}

TEST_F(EncryptionOptionsTest, WhatDoesNotFitTogetherIsRefused) {
  const auto without = [](Given given, const char* key) {
    given.erase(key);
    return refusal(given);
  };
  const auto with = [](Given given, const std::string& key, const std::string& value) {
    given[key] = value;
    return refusal(given);
  };
  const Given good = raw("a", "a b");
  EXPECT_EQ(refusal(good), "not refused");
  EXPECT_THAT(refusal({{"encryption.activeKey", "a"}}), HasSubstr("keyProvider is missing"));
  EXPECT_THAT(without(good, "encryption.activeKey"), HasSubstr("activeKey is missing"));
  EXPECT_THAT(without(good, "encryption.keyProvider.keys"), HasSubstr("names no key"));
  EXPECT_THAT(without(good, "encryption.keyProvider.keys.b.file"), HasSubstr("file is missing"));
  EXPECT_THAT(with(good, "encryption.activeKey", "c"), HasSubstr("not among"));
  EXPECT_THAT(with(good, "encryption.keyProvider.keys", "a b a"), HasSubstr("twice"));
  EXPECT_THAT(with(good, "encryption.keyProvider.keys", "a none"), HasSubstr("none"));
  EXPECT_THAT(with(good, "encryption.keyProvider.keys.c.file", "/c"), HasSubstr("listed key"));
  EXPECT_THAT(with(good, "encryption.keyProvider.keys.a.fiel", "/c"), HasSubstr("listed key"));
  EXPECT_THAT(with(good, "encryption.keyProvider.keyStoreFile", "/c"), HasSubstr("PKCS12"));
  const Given store = pkcs12("key-0", "key-0");
  EXPECT_EQ(refusal(store), "not refused");
  EXPECT_THAT(without(store, "encryption.keyProvider.keyStoreFile"), HasSubstr("missing"));
  EXPECT_THAT(without(store, "encryption.keyProvider.keyStorePasswordFile"), HasSubstr("missing"));
  EXPECT_THAT(with(store, "encryption.keyProvider.keys.key-0.file", "/c"), HasSubstr("listed key"));
}

TEST_F(EncryptionOptionsTest, ReadsWhatKeytoolWrote) {
  std::string problem;
  Given given = pkcs12("key-1", "key-0 key-1");
  given["encryption.keyProvider.keys.key-1.passwordFile"] = write("own", "storepass1");
  const auto ring = load_keys(read_encryption(config_of(given)).value(), problem);
  ASSERT_NE(ring, nullptr) << problem;
  EXPECT_EQ(hex(ring->find_alias("key-0")->secret()), kKey0);
  EXPECT_EQ(hex(ring->find_alias("key-1")->secret()), kKey1);
  EXPECT_EQ(ring->active()->alias(), "key-1");
}

TEST_F(EncryptionOptionsTest, KeyStoreSaysWhichKeysItHas) {
  const auto named = [this](const std::string& store, const std::string& password) {
    EncryptionConfig config{.provider = EncryptionConfig::Provider::kPkcs12,
                            .store_file = store,
                            .store_password_file = write("password-" + password, password)};
    std::string problem;
    if (!name_stored_keys(config, problem)) return problem;
    std::string names;
    for (const auto& key : config.keys) names += key.alias + " ";
    EXPECT_NE(load_keys(config, problem), nullptr) << problem;
    return names;
  };
  EXPECT_EQ(named(SPILLWAY_KEYSTORE "/keytool.p12", "storepass1"), "key-0 key-1 ");
  EXPECT_THAT(named(SPILLWAY_KEYSTORE "/keytool.p12", "storepass2"), HasSubstr("is wrong"));
  EXPECT_THAT(named(write("text", "no key store"), "storepass1"), HasSubstr("no PKCS12"));
  EXPECT_THAT(named(dir.file("absent"), "storepass1"), HasSubstr("No such file"));
}

TEST_F(EncryptionOptionsTest, SaysWhatIsWrongWithAKeyStore) {
  Given given = pkcs12("key-9", "key-9");
  EXPECT_THAT(load_problem(given), HasSubstr("no secret key \"key-9\""));
  EXPECT_THAT(load_problem(given), HasSubstr("\"key-0\", \"key-1\""));
  given = pkcs12("key-0", "key-0");
  given["encryption.keyProvider.keyStorePasswordFile"] = write("wrong", "storepass2");
  EXPECT_THAT(load_problem(given), HasSubstr("password is wrong"));
  given = pkcs12("key-0", "key-0");
  given["encryption.keyProvider.keys.key-0.passwordFile"] = write("wrong2", "storepass2");
  EXPECT_THAT(load_problem(given), HasSubstr("password of key \"key-0\" is wrong"));
  given["encryption.keyProvider.keyStoreFile"] = write("jceks", "\xCE\xCE\xCE\xCE rest");
  EXPECT_THAT(load_problem(given), HasSubstr(kConvertJceks));
  given["encryption.keyProvider.keyStoreFile"] = write("text", "no key store");
  EXPECT_THAT(load_problem(given), HasSubstr("no PKCS12"));
  given["encryption.keyProvider.keyStoreFile"] = dir.file("absent");
  EXPECT_THAT(load_problem(given), HasSubstr("No such file"));
  given["encryption.keyProvider.keyStoreFile"] = dir.path().string();
  EXPECT_THAT(load_problem(given), HasSubstr("not a file"));
}

TEST_F(EncryptionOptionsTest, DamagedKeyStoreIsRefusedNotTrusted) {
  std::ifstream file(SPILLWAY_KEYSTORE "/keytool.p12", std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), {}};
  const auto find = [](const std::string& store) {
    std::string problem;
    const auto key = find_pkcs12_key(as_bytes(store), "KEY-0",
                                     {.store = "storepass1", .key = "storepass1"}, problem);
    return key ? hex(key->span()) : problem;
  };
  ASSERT_EQ(find(good), kKey0);
  for (std::size_t at = 0; at < good.size(); at += 7) {  // each costs 10 000 rounds of a hash
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x10);
    const std::string found = find(bad);
    EXPECT_FALSE(found.empty());
    EXPECT_TRUE(found == kKey0 || found.size() != kKey0.size()) << at;
    EXPECT_NE(find(good.substr(0, at)), kKey0);
  }
}

TEST_F(EncryptionOptionsTest, ChannelEncryptsWithTheActiveKey) {
  auto channel = create(raw("a", "a"));
  ASSERT_TRUE(channel->start().has_value());
  ASSERT_TRUE(channel->put(test::batch_of({std::string("plain as day")})).has_value());
  channel->stop();
  std::string bytes;  // of all slot files: which one the segment got depends on the preparer
  for (const auto& entry : std::filesystem::directory_iterator(dir.file("data"))) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  ASSERT_GT(bytes.size(), kMiB);
  EXPECT_EQ(bytes.find("plain as day"), std::string::npos);

  channel = create(raw("b", "b a"));
  ASSERT_TRUE(channel->start().has_value());
  EXPECT_THAT(test::drain(*channel), ElementsAre("plain as day"));
  channel->stop();
}

TEST_F(EncryptionOptionsTest, CheckNamesTheKeyThatStoredEventsLack) {
  EXPECT_THAT(kFileChannelType.examine(config_of(raw("a", "a"))), IsEmpty()) << "no directory yet";
  auto channel = create(raw("a", "a"));
  ASSERT_TRUE(channel->start().has_value());
  ASSERT_TRUE(channel->put(test::batch_of({std::string("event")})).has_value());
  channel->stop();
  EXPECT_THAT(kFileChannelType.examine(config_of(raw("a", "a"))), IsEmpty());
  EXPECT_THAT(kFileChannelType.examine(config_of(raw("none", "a"))), IsEmpty());
  EXPECT_THAT(kFileChannelType.examine(config_of(raw("b", "b"))),
              ElementsAre(AllOf(HasSubstr("missing key: segment 1 (slot-0000"),
                                HasSubstr(".seg) cannot be read without key \"a\""))));
  Given plain = raw("a", "a");
  std::erase_if(plain, [](const auto& item) { return item.first.starts_with("encryption."); });
  EXPECT_THAT(kFileChannelType.examine(config_of(plain)), ElementsAre(HasSubstr("missing key")));
  Given wrong = raw("a", "a");
  wrong["encryption.keyProvider.keys.a.file"] = write("other", std::string(64, 'c'));
  EXPECT_THAT(kFileChannelType.examine(config_of(wrong)), ElementsAre(HasSubstr("wrong key")));
  wrong["encryption.keyProvider.keys.a.file"] = dir.file("absent");
  EXPECT_THAT(kFileChannelType.examine(config_of(wrong)), ElementsAre(HasSubstr("No such file")));
  EXPECT_FALSE(create(wrong)->start().has_value());
}

}  // namespace
}  // namespace spillway::agent
