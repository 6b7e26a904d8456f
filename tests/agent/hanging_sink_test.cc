// Two sinks on one file channel, and one of them hangs with events in its hands: the disk the
// channel takes stays bounded, the other sink drains everything else, and the events that hung are
// delivered once the sink is well, also after a restart of the agent.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "agent/agent.h"
#include "agent/stop_signal.h"
#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_components.h"
#include "tests/support/file_channel_home.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using test::eventually;
using test::FakeSink;
using test::FakeSource;
using Poll = Source::Poll;

constexpr std::uint64_t kSlotBytes = 256 * kKiB;
constexpr std::size_t kEvents = 3000;  // 36 segments
constexpr std::size_t kFilesMax = 8;

class HangingSinkTest : public testing::Test {
 protected:
  channel::FileChannelOptions options() const {
    auto options =
        test::small_file_channel(directory.path().string(), {.capacity_events = 100'000});
    options.log.slot_bytes = kSlotBytes;
    options.log.spare_slots_min = 1;
    options.log.spare_slots_max = 2;
    options.checkpoint_bytes = kSlotBytes;
    return options;
  }

  /// Two sinks; the first batch that one of them gets hangs there until `release`, and then fails.
  std::unique_ptr<Agent> make_agent() {
    Pipeline pipeline;
    pipeline.agent_name = "a1";
    pipeline.add_channel({"c1", "file"},
                         std::make_unique<channel::FileChannel>(options(), file_system, clock));
    const SinkRunnerOptions sink_options{
        .failure = {.initial = milliseconds(1), .max = milliseconds(1)},
        .idle_wait = milliseconds(5)};
    sinks.clear();
    for (const char* name : {"k1", "k2"}) {
      auto sink = std::make_unique<FakeSink>(/*batch_size=*/10);
      sink->on_deliver([this](auto batch) { return deliver(batch.size()); });
      sinks.push_back(sink.get());
      pipeline.add_sink({name, "fake"}, std::move(sink), 0, clock, sink_options);
    }
    const auto added =
        pipeline.add_source({"r1", "fake"}, replicating_flow({.required = {0}, .optional = {}}),
                            [this](EventReceiver& receiver) -> Result<std::unique_ptr<Source>> {
                              auto source = std::make_unique<FakeSource>(&receiver);
                              source->on_poll([this](EventReceiver* to) { return put_one(*to); });
                              return std::unique_ptr<Source>(std::move(source));
                            },
                            {});
    EXPECT_TRUE(added.has_value());
    return std::make_unique<Agent>(std::move(pipeline), clock, LifecycleOptions{});
  }

  Result<void> deliver(std::size_t count) {
    if (count == 0) return {};
    if (!has_hung.exchange(true)) {
      hanging_count = count;
      release.wait();
      return Error{.code = Errc::kUnavailable, .what = "hung for hours"};
    }
    delivered_count += count;
    return {};
  }

  // Not too far ahead of the sink that works, and only while there are few slot files: without
  // reclaiming it would never come to the end. Few are the segment of what hangs, the last one,
  // spare ones, and those that the other sink is about to drain or that wait for a checkpoint.
  Result<Poll> put_one(EventReceiver& to) {
    const std::size_t put = put_count;
    if (put == kEvents) return Poll::kFinished;
    if (put > delivered_count + 100 || slot_files() > kFilesMax) return Poll::kIdle;
    channel::EventBatch batch;
    std::string body = std::to_string(put) + " ";
    body.resize(3000, '.');
    batch.add(body);
    TRY(to.receive(batch));
    put_count = put + 1;
    return Poll::kReady;
  }

  void note_delivered() {
    for (const FakeSink* sink : sinks) {
      for (const std::string& body : sink->delivered()) ++deliveries[std::stoul(body)];
    }
  }
  [[nodiscard]] std::size_t slot_files() const {
    std::error_code gone;  // a file may be deleted while we look
    std::size_t count = 0;
    for (std::filesystem::directory_iterator at(directory.path() / "data", gone), end; at != end;
         at.increment(gone)) {
      if (at->path().extension() == ".seg") ++count;
    }
    return count;
  }

  test::TempDir directory;
  io::PosixFileSystem file_system;
  SystemClock clock;
  std::vector<FakeSink*> sinks;
  StopSignal release;
  std::atomic<bool> has_hung{false};
  std::atomic<std::size_t> hanging_count{0};
  std::atomic<std::size_t> put_count{0};
  std::atomic<std::size_t> delivered_count{0};
  std::map<std::size_t, int> deliveries;  // by number of the event
};

TEST_F(HangingSinkTest, DiskStaysBoundedAndEverythingIsDelivered) {
  {
    const auto agent = make_agent();
    agent->start();
    EXPECT_TRUE(eventually([&] { return delivered_count + hanging_count == kEvents; }))
        << put_count << " put, " << delivered_count << " delivered";
    EXPECT_TRUE(eventually([&] { return slot_files() <= 6; })) << slot_files();
    release.request();
    agent->stop(milliseconds(0));
    note_delivered();
  }
  const auto agent = make_agent();
  agent->start();
  EXPECT_TRUE(eventually([&] { return delivered_count == kEvents; })) << delivered_count;
  agent->stop(milliseconds(0));
  note_delivered();
  EXPECT_EQ(deliveries.size(), kEvents);
  for (const auto& [number, count] : deliveries) EXPECT_EQ(count, 1) << number;
}

}  // namespace
}  // namespace spillway::agent
