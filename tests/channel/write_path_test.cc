// Threads and io_uring are two ways to the same log: whoever keeps its writes in flight, several
// producers put whole batches in their order, on a real disk, in every durability, through stops;
// and where there is no io_uring threads write.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/temp_dir.h"

namespace spillway::channel {
namespace {

using test::eventually;
using test::RecordedMetrics;
using wal::WritePath;

constexpr test::ChannelLimits kLimits{.capacity_events = 1'000'000,
                                      .transaction_capacity_events = 1000,
                                      .keep_alive = std::chrono::milliseconds(60'000)};

/// No queue, as in a container that forbids io_uring.
class NoQueueFileSystem final : public io::FileSystem {
 public:
  Result<std::unique_ptr<io::Directory>> open_directory(const std::string& path,
                                                        Missing missing) override {
    return files_.open_directory(path, missing);
  }
  Result<std::unique_ptr<io::WriteQueue>> open_write_queue(std::size_t, io::Durability) override {
    return Error{.code = Errc::kUnsupported, .os_error = EPERM, .what = "cannot create io_uring"};
  }

 private:
  io::PosixFileSystem files_;
};

double write_path(const FileChannel& channel) {
  return RecordedMetrics(channel).gauges.at("log_write_path");
}

class WritePathTest
    : public testing::TestWithParam<std::tuple<WritePath, Durability, std::uint64_t>> {
 protected:
  std::unique_ptr<FileChannel> start() {
    FileChannelOptions options = test::small_file_channel(dir_.path().string(), kLimits);
    std::tie(options.log.write_path, options.durability, options.log.overlap_bytes_min) =
        GetParam();
    auto channel = std::make_unique<FileChannel>(std::move(options), files_, clock_);
    EXPECT_TRUE(channel->start().has_value());
    return channel;
  }

  static void produce(FileChannel& channel, char producer, std::size_t batches) {
    for (std::size_t number = 0; number < batches; ++number) {
      std::vector<std::string> bodies;
      const std::size_t count = 1 + number * 7 % 40;
      for (std::size_t i = 0; i < count; ++i) {
        std::string body = std::string(1, producer) + std::to_string(number);
        body.resize(number % 3 == 0 ? 2000 : 50, '.');
        bodies.push_back(std::move(body));
      }
      EXPECT_TRUE(channel.put(test::batch_of(bodies)).has_value());
    }
  }

  test::TempDir dir_;
  SystemClock clock_;
  io::PosixFileSystem files_;
};

TEST_P(WritePathTest, ProducersPutWholeBatchesInTheirOrder) {
  constexpr std::size_t kBatches = 60;
  std::map<char, std::vector<std::string>> found;
  for (int life = 0; life < 2; ++life) {
    const auto channel = start();
    const bool is_ring = write_path(*channel) == 1;
    if (std::get<0>(GetParam()) == WritePath::kRing && !is_ring) GTEST_SKIP() << "no io_uring";
    std::vector<std::thread> producers;
    for (const char producer : {'a', 'b', 'c', 'd'}) {
      producers.emplace_back([&channel, producer] { produce(*channel, producer, kBatches); });
    }
    for (std::thread& producer : producers) producer.join();
    if (life == 0) {
      channel->stop();
      continue;
    }
    ASSERT_TRUE(
        eventually([&] { return RecordedMetrics(*channel).gauges.at("durable_lag_bytes") == 0; }));
    for (std::string& body : test::drain(*channel)) found[body[0]].push_back(std::move(body));
    EXPECT_EQ(channel->size_events(), 0U);
    channel->stop();
  }
  ASSERT_EQ(found.size(), 4U);
  for (const auto& [producer, bodies] : found) {
    std::vector<std::string> expected;
    for (int life = 0; life < 2; ++life) {
      for (std::size_t number = 0; number < kBatches; ++number) {
        std::string body = std::string(1, producer) + std::to_string(number);
        body.resize(number % 3 == 0 ? 2000 : 50, '.');
        expected.insert(expected.end(), 1 + number * 7 % 40, body);
      }
    }
    EXPECT_EQ(bodies, expected) << producer;
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, WritePathTest,
                         testing::Combine(testing::Values(WritePath::kThreads, WritePath::kRing),
                                          testing::Values(Durability::kCommit, Durability::kAsync,
                                                          Durability::kOs),
                                          testing::Values(0U, 16 * kKiB)));

struct WritePathChoiceTest : testing::Test {
  std::unique_ptr<FileChannel> start(WritePath path, io::FileSystem& on) {
    FileChannelOptions options = test::small_file_channel(dir.path().string(), kLimits);
    options.log.slot_bytes = 4 * kMiB;
    options.log.write_path = path;
    auto channel = std::make_unique<FileChannel>(std::move(options), on, clock);
    EXPECT_TRUE(channel->start().has_value());
    return channel;
  }
  static void expect_works(FileChannel& channel) {
    EXPECT_TRUE(channel.put(test::numbered_batch("e", 3)).has_value());
    EXPECT_EQ(test::drain(channel), (std::vector<std::string>{"e0", "e1", "e2"}));
    channel.stop();
  }

  test::TempDir dir;
  SystemClock clock;
  io::PosixFileSystem files;
  NoQueueFileSystem no_queues;
};

TEST_F(WritePathChoiceTest, AutoDecidesOnceNothingElseIsWritten) {
  const auto channel = start(WritePath::kAuto, files);
  EXPECT_TRUE(eventually([&] { return write_path(*channel) != 2; }));
  expect_works(*channel);
}

TEST_F(WritePathChoiceTest, AutoTakesThreadsWhereThereIsNoRing) {
  const auto channel = start(WritePath::kAuto, no_queues);
  EXPECT_TRUE(eventually([&] { return write_path(*channel) == 0; }));
  expect_works(*channel);
}

TEST_F(WritePathChoiceTest, ForcedRingFallsBackToThreadsWhereThereIsNone) {
  const auto channel = start(WritePath::kRing, no_queues);
  EXPECT_EQ(write_path(*channel), 0);
  expect_works(*channel);
}

TEST_F(WritePathChoiceTest, RingIsNotForSlotsInPartsNorForOneWriteAtATime) {
  for (const WritePath path : {WritePath::kAuto, WritePath::kRing}) {
    FileChannelOptions options = test::small_file_channel(dir.file("parts"), kLimits);
    options.data_dirs = {dir.file("a"), dir.file("b")};
    options.log.slot_bytes = 4 * kMiB;
    options.log.stripe_bytes = kMiB;
    options.log.write_path = path;
    FileChannel in_parts(options, files, clock);
    ASSERT_TRUE(in_parts.start().has_value());
    EXPECT_EQ(write_path(in_parts), 0);
    expect_works(in_parts);
  }
  for (const wal::Background background : {wal::Background::kNone, wal::Background::kThreads}) {
    FileChannelOptions options = test::small_file_channel(dir.file("alone"), kLimits);
    options.log.background = background;
    options.log.write_depth_max = 1;
    options.log.write_path = WritePath::kAuto;
    FileChannel alone(options, files, clock);
    ASSERT_TRUE(alone.start().has_value());
    EXPECT_EQ(write_path(alone), 0);
    expect_works(alone);
  }
}

TEST_F(WritePathChoiceTest, StopDoesNotWaitForTheTrial) {
  for (int i = 0; i < 10; ++i) {
    const auto channel = start(WritePath::kAuto, files);
    if (i % 2 == 0) test::give_way();
    expect_works(*channel);
  }
}

}  // namespace
}  // namespace spillway::channel
