// An encrypted channel survives what a plain one survives, shows nothing of its events in any file,
// lets keys be changed while events wait, and takes a missing or a wrong key for what it is: a
// refusal that changes nothing.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/sim_disk.h"
#include "tests/support/survivors.h"
#include "wal/block.h"
#include "wal/key_ring.h"
#include "wal/segment_header.h"

namespace spillway::channel {
namespace {

using test::EventBodies;
using test::SimDisk;
using testing::ElementsAre;

// "k1 k2" with k2 active; a '*' marks the active one. The secret of "k1" is made from its name and
// `salt`.
std::shared_ptr<wal::KeyRing> keys(const std::vector<std::string>& aliases, int salt = 0) {
  auto ring = std::make_shared<wal::KeyRing>();
  for (std::string alias : aliases) {
    const bool is_active = alias.back() == '*';
    if (is_active) alias.pop_back();
    std::vector<std::byte> secret(32, static_cast<std::byte>(salt));
    for (std::size_t i = 0; i < alias.size(); ++i) secret[i] = static_cast<std::byte>(alias[i]);
    EXPECT_TRUE(ring->add(alias, secret).has_value());
    if (!is_active) continue;
    EXPECT_TRUE(ring->set_active(alias).has_value());
  }
  return ring;
}

class FileChannelEncryptionTest : public testing::Test {
 protected:
  Result<void> try_open(std::shared_ptr<wal::KeyRing> ring) {
    channel.reset();
    FileChannelOptions options = test::small_file_channel("/c", {.capacity_events = 100'000});
    options.log.background = wal::Background::kNone;
    options.log.nonce_seed = ++openings;
    if (ring != nullptr) {
      options.load_keys = [ring] {
        return Result<std::shared_ptr<const wal::KeyRing>>(
            std::shared_ptr<const wal::KeyRing>(ring));
      };
    }
    channel = std::make_unique<FileChannel>(std::move(options), *disk, clock);
    return channel->start();
  }

  void open(std::shared_ptr<wal::KeyRing> ring) {
    const auto opened = try_open(std::move(ring));
    ASSERT_TRUE(opened.has_value()) << to_string(opened.error());
  }

  void put(const std::string& prefix, std::size_t count, std::size_t bytes = 300) {
    for (std::size_t i = 0; i < count; ++i) {
      std::string body = prefix + std::to_string(i);
      body.resize(std::max(bytes, body.size()), '~');
      ASSERT_TRUE(channel->put(test::batch_of({body})).has_value());
      expected.push_back(body);
    }
  }

  void crash() {
    disk->crash_now();
    channel.reset();
    disk = disk->crash_image({.name = "none", .fates = {}});
  }

  [[nodiscard]] std::map<std::string, std::vector<std::byte>> files() const {
    std::map<std::string, std::vector<std::byte>> all;
    for (const std::string& path : disk->paths()) {
      if (!path.ends_with(".lock")) all[path] = disk->contents(path);
    }
    return all;
  }

  [[nodiscard]] bool is_on_disk(std::string_view text) const {
    for (const auto& [path, bytes] : files()) {
      if (as_text(bytes).find(text) != std::string_view::npos) return true;
    }
    return false;
  }

  std::unique_ptr<SimDisk> disk = std::make_unique<SimDisk>();
  test::FakeClock clock;
  std::unique_ptr<FileChannel> channel;
  std::uint64_t openings = 0;
  EventBodies expected;
};

TEST_F(FileChannelEncryptionTest, EventsComeBackAfterStopAndKill) {
  open(keys({"k1*"}));
  put("one-", 50);
  open(keys({"k1*"}));
  put("two-", 50);
  crash();
  open(keys({"k1*"}));
  EXPECT_EQ(test::drain(*channel), expected);
  EXPECT_TRUE(channel->recovered().findings.empty());
}

// Whoever can write to the directory chooses what a log line shows.
TEST_F(FileChannelEncryptionTest, NameOfAMissingKeyCannotSteerATerminal) {
  open(keys({"k\x1b[2J\x7f*"}));
  put("one-", 3);
  testing::internal::CaptureStderr();
  const auto opened = try_open(keys({"k2*"}));
  const std::string said = testing::internal::GetCapturedStderr();
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().code, Errc::kNotFound);
  EXPECT_NE(said.find("k?[2J?"), std::string::npos) << said;
}

TEST_F(FileChannelEncryptionTest, AcknowledgementsAreReadFromTheTail) {
  open(keys({"k1*"}));
  put("one-", 20);
  EXPECT_EQ(test::take_and_commit(*channel, 5).size(), 5U);
  put("two-", 1);  // takes the acknowledgements along
  crash();
  open(keys({"k1*"}));
  expected.erase(expected.begin(), expected.begin() + 5);
  EXPECT_EQ(test::drain(*channel), expected);
}

TEST_F(FileChannelEncryptionTest, NoFileShowsEventsNotEvenCopiesOfDamage) {
  open(keys({"k1*"}));
  put("secret-", 200, 2000);
  channel->stop();
  EXPECT_FALSE(is_on_disk("secret-"));
  EXPECT_FALSE(is_on_disk("~~~~"));
  const std::string slot = "/c/data/slot-00001.seg";
  disk->corrupt(slot, 3 * 4096, 10, [](MutableByteSpan bytes) { bytes[0] ^= std::byte{1}; });
  open(keys({"k1*"}));
  EXPECT_EQ(test::drain(*channel).size(), 199U);
  channel->stop();
  bool has_copy = false;
  for (const auto& [path, bytes] : files()) {
    has_copy = has_copy || path.find("damaged-") != std::string::npos;
  }
  EXPECT_TRUE(has_copy);
  EXPECT_FALSE(is_on_disk("secret-"));
  EXPECT_FALSE(is_on_disk("~~~~"));
}

TEST_F(FileChannelEncryptionTest, PlainChannelShowsThem) {  // the search above can find something
  open(nullptr);
  put("secret-", 1);
  EXPECT_TRUE(is_on_disk("secret-0"));
}

TEST_F(FileChannelEncryptionTest, MissingOrWrongKeyRefusesAndChangesNothing) {
  open(keys({"k1*"}));
  put("one-", 20);
  for (const bool is_crashed : {false, true}) {
    if (is_crashed) {
      open(keys({"k1*"}));
      put("two-", 20);
      crash();
    } else {
      channel->stop();
    }
    const auto before = files();
    for (const auto& ring : {std::shared_ptr<wal::KeyRing>(), keys({"k2*"}), keys({"k1*"}, 7)}) {
      const auto refused = try_open(ring);
      ASSERT_FALSE(refused.has_value());
      EXPECT_EQ(refused.error().code, Errc::kNotFound);
      channel.reset();
      EXPECT_EQ(files(), before);
    }
  }
  open(keys({"k1*"}));
  EXPECT_EQ(test::drain(*channel), expected);
}

TEST_F(FileChannelEncryptionTest, KeyThatCannotBeReadRefusesAndMayComeLater) {
  open(keys({"k1*"}));
  put("one-", 3);
  channel.reset();
  FileChannelOptions options = test::small_file_channel("/c", {.capacity_events = 1000});
  options.log.background = wal::Background::kNone;
  bool is_there = false;
  options.load_keys = [&is_there]() -> Result<std::shared_ptr<const wal::KeyRing>> {
    if (!is_there) return Error{.code = Errc::kNotFound, .what = "no key file"};
    return std::shared_ptr<const wal::KeyRing>(keys({"k1*"}));
  };
  FileChannel late(std::move(options), *disk, clock);
  EXPECT_EQ(late.start().error().code, Errc::kNotFound);
  is_there = true;
  ASSERT_TRUE(late.start().has_value());
  EXPECT_EQ(test::drain(late), expected);
}

TEST_F(FileChannelEncryptionTest, KeysRotateWhileEventsWait) {
  open(keys({"k1*"}));
  put("one-", 700, 2000);  // more than one segment
  open(keys({"k1", "k2*"}));
  put("two-", 700, 2000);
  crash();
  open(keys({"k2", "k1", "k3*"}));
  put("three-", 10);
  EXPECT_EQ(try_open(keys({"k3*", "k2"})).error().code, Errc::kNotFound) << "k1 is still needed";
  open(keys({"k3*", "k2", "k1"}));
  EXPECT_EQ(test::drain(*channel), expected);
  channel->stop();
  open(keys({"k3*"}));  // all events of the old keys are delivered
  expected.clear();
  put("four-", 10);
  open(keys({"k3*"}));
  EXPECT_EQ(test::drain(*channel), expected);
}

TEST_F(FileChannelEncryptionTest, EncryptionIsSwitchedOnAndOffOnTheWay) {
  open(nullptr);
  put("plain-", 20);
  open(keys({"k1*"}));
  put("secret-", 20);
  EXPECT_TRUE(is_on_disk("plain-"));
  EXPECT_FALSE(is_on_disk("secret-"));
  open(keys({"k1"}));  // none active
  put("clear-", 20);
  EXPECT_TRUE(is_on_disk("clear-"));
  crash();
  open(keys({"k1"}));
  EXPECT_EQ(test::drain(*channel), expected);
  channel->stop();
  open(nullptr);  // nothing encrypted is left
}

TEST_F(FileChannelEncryptionTest, LostHeadersCostNoEncryptedEvents) {
  open(keys({"k1*"}));
  put("one-", 20);
  channel->stop();
  disk->corrupt("/c/data/slot-00001.seg", 0, wal::kSegmentDataOffset, [](MutableByteSpan bytes) {
    std::fill(bytes.begin(), bytes.end(), std::byte{0x77});
  });
  EXPECT_EQ(try_open(nullptr).error().code, Errc::kNotFound) << "the manifest knows the key's id";
  open(keys({"k1*"}));
  EXPECT_EQ(test::drain(*channel), expected);
}

TEST_F(FileChannelEncryptionTest, LostManifestCostsNoEncryptedEvents) {
  open(keys({"k1*"}));
  put("one-", 700, 2000);
  channel->stop();
  disk->erase("/c/checkpoint/manifest");
  EXPECT_EQ(try_open(nullptr).error().code, Errc::kNotFound) << "the headers know the key's id";
  open(keys({"k1*"}));
  EXPECT_EQ(test::drain(*channel), expected);
}

// A copy put back after the original went on writes other events after the same ones.
TEST_F(FileChannelEncryptionTest, RestoredCopyNeverWritesUnderTheKeysOfTheOriginal) {
  open(keys({"k1*"}));
  put("one-", 20);
  channel->stop();
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> hashes;
  const auto copy = disk->crash_image({.name = "none", .fates = {}});
  const auto note = [&](const SimDisk& on) {
    for (const std::string& path : on.paths()) {
      const auto bytes = on.contents(path);
      for (std::size_t at = 0; at + wal::kBlockHeaderBytes <= bytes.size(); at += 4096) {
        const auto header = load_le<wal::BlockHeader>(bytes.data() + at);
        if (header.magic != wal::kBlockMagic) continue;
        const auto known =
            hashes.emplace(std::pair(header.segment_nonce, header.lsn), header.hash).first;
        EXPECT_EQ(known->second, header.hash) << path << " at " << at;
      }
    }
  };
  open(keys({"k1*"}));
  put("original-", 20);
  channel->stop();
  note(*disk);
  disk = copy->crash_image({.name = "none", .fates = {}});
  open(keys({"k1*"}));
  put("copy-", 20);
  channel->stop();
  note(*disk);
  EXPECT_GE(hashes.size(), 60U);
}

}  // namespace
}  // namespace spillway::channel
