// The status port over a real socket: what each path answers, to whom, and what it refuses.

#include "agent/status_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/support/eventually.h"
#include "tests/support/fake_channel.h"
#include "tests/support/http_get.h"
#include "tests/support/json_value.h"
#include "tests/support/new_threads.h"
#include "wal/base/clock.h"

namespace spillway::agent {
namespace {

using test::http_exchange;
using test::http_get;
using testing::HasSubstr;
using testing::StartsWith;

struct StatusServerTest : testing::Test {
  void SetUp() override {
    auto fake = std::make_unique<test::FakeChannel>();
    channel = fake.get();
    Pipeline pipeline;
    pipeline.agent_name = "a1";
    pipeline.add_channel({"c1", "fake"}, std::move(fake));
    const LifecycleOptions no_retry{
        .start_retry = {.initial = std::chrono::hours(1), .max = std::chrono::hours(1)}};
    agent = std::make_unique<Agent>(std::move(pipeline), clock, no_retry);
    registry = std::make_unique<MetricsRegistry>(*agent, clock);
  }
  void start_agent() {
    agent->start();
    agent->wait_first_round();
  }
  std::unique_ptr<StatusServer> start_server(MetricsFormat format = MetricsFormat::kFlumeJson) {
    auto server =
        std::make_unique<StatusServer>(*registry, StatusServerOptions{.port = 0, .format = format});
    EXPECT_TRUE(server->start().has_value());
    EXPECT_GT(server->port(), 0);
    return server;
  }

  SystemClock clock;
  test::FakeChannel* channel = nullptr;
  std::unique_ptr<Agent> agent;
  std::unique_ptr<MetricsRegistry> registry;
};

TEST_F(StatusServerTest, MetricsAreFlumesJsonForWhoeverDoesNotAsk) {
  start_agent();
  const auto server = start_server();
  const auto answer = http_get(server->port(), "/metrics", "Accept: text/html, */*\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.headers, HasSubstr("Content-Type: application/json;charset=utf-8"));
  EXPECT_EQ(test::JsonValue::parse(answer.body)["CHANNEL.c1"]["Type"], "CHANNEL");
}

TEST_F(StatusServerTest, PrometheusIsForWhoeverAsks) {
  start_agent();
  const auto server = start_server();
  const std::string scraper =
      "Accept: "
      "application/openmetrics-text;version=1.0.0;q=0.75,text/plain;version=0.0.4;q=0.5\r\n";
  for (const auto& answer : {http_get(server->port(), "/metrics", scraper),
                             http_get(server->port(), "/metrics?format=prometheus"),
                             http_get(server->port(), "/metrics/prometheus")}) {
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.headers, HasSubstr("text/plain; version=0.0.4"));
    EXPECT_THAT(answer.body, HasSubstr("spillway_channel_events{component=\"c1\"} 0"));
  }
}

TEST_F(StatusServerTest, PrometheusCanBeTheDefaultAndJsonStillAskedFor) {
  start_agent();
  const auto server = start_server(MetricsFormat::kPrometheus);
  EXPECT_THAT(http_get(server->port(), "/metrics").body, StartsWith("# HELP"));
  EXPECT_THAT(http_get(server->port(), "/metrics?format=json").body, StartsWith("{"));
}

TEST_F(StatusServerTest, HealthIsTheProcessAndReadinessTheComponents) {
  channel->fail_starts(1);
  const auto server = start_server();
  EXPECT_EQ(http_get(server->port(), "/healthz").status, 200);
  const auto before = http_get(server->port(), "/readyz");
  EXPECT_EQ(before.status, 503);
  EXPECT_EQ(before.body, "channel c1: waiting\n");
  start_agent();
  const auto failed = http_get(server->port(), "/readyz");
  EXPECT_EQ(failed.status, 503);
  EXPECT_THAT(failed.body, HasSubstr("channel c1: retrying"));
}

TEST_F(StatusServerTest, ReadyWhenEverythingIsStarted) {
  start_agent();
  const auto server = start_server();
  const auto answer = http_get(server->port(), "/readyz");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, "ok\n");
}

TEST_F(StatusServerTest, AgentWithAFailedChannelIsNotReady) {
  start_agent();
  const auto server = start_server();
  channel->fail_for_good();
  const auto answer = http_get(server->port(), "/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_THAT(answer.body, StartsWith("channel c1: failed"));
}

TEST_F(StatusServerTest, FrontPageIsHtmlAndOtherPathsAreNotFound) {
  start_agent();
  const auto server = start_server();
  const auto page = http_get(server->port(), "/");
  EXPECT_EQ(page.status, 200);
  EXPECT_THAT(page.headers, HasSubstr("text/html"));
  EXPECT_THAT(page.body, HasSubstr("c1"));
  EXPECT_EQ(http_get(server->port(), "/etc/passwd").status, 404);
}

TEST_F(StatusServerTest, SpillingIsForcedFromThisHostOnlyAndNotByAPage) {
  StatusServer server(*registry, {.port = 0}, agent.get());
  ASSERT_TRUE(server.start().has_value());
  const auto post = [&](const std::string& path, const std::string& headers = "") {
    return http_exchange(server.port(), "POST " + path + " HTTP/1.1\r\nHost: x\r\n" + headers +
                                            "Content-Length: 0\r\nConnection: close\r\n\r\n")
        .status;
  };
  EXPECT_EQ(post("/channels/c1/spill?force=true"), 409) << "has nothing to switch";
  channel->let_spill();
  EXPECT_EQ(post("/channels/c1/spill?force=true", "Origin: http://a.page\r\n"), 403);
  EXPECT_EQ(post("/channels/c1/spill"), 400);
  EXPECT_EQ(post("/channels/c2/spill?force=true"), 404);
  EXPECT_FALSE(channel->is_spilling_forced());
  EXPECT_EQ(post("/channels/c1/spill?force=true"), 200);
  EXPECT_TRUE(channel->is_spilling_forced());
  EXPECT_EQ(post("/channels/c1/spill?force=false"), 200);
  EXPECT_FALSE(channel->is_spilling_forced());
  EXPECT_EQ(http_get(server.port(), "/channels/c1/spill").status, 404);
}

TEST_F(StatusServerTest, OnlyReadingIsAllowed) {
  const auto server = start_server();
  for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
    const auto answer =
        http_exchange(server->port(), std::string(method) +
                                          " /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                                          "Connection: close\r\n\r\n");
    EXPECT_EQ(answer.status, 405) << method;
  }
}

TEST_F(StatusServerTest, GarbageAndOversizeAreRefusedAndTheServerGoesOn) {
  const auto server = start_server();
  static_cast<void>(http_exchange(server->port(), "\x01\x02garbage\r\n\r\n"));
  const std::string long_path(20'000, 'a');
  EXPECT_NE(http_get(server->port(), "/" + long_path).status, 200);
  EXPECT_EQ(http_get(server->port(), "/healthz").status, 200);
}

TEST_F(StatusServerTest, AnOccupiedPortIsAnErrorAndNotShared) {
  const auto first = start_server();
  StatusServer second(*registry, {.port = first->port()});
  const auto started = second.start();
  ASSERT_FALSE(started.has_value());
  EXPECT_EQ(started.error().code, Errc::kUnavailable);
  EXPECT_EQ(second.port(), 0);
  second.stop();
}

TEST_F(StatusServerTest, FailedStartMayBeRepeated) {
  auto first = start_server();
  StatusServer second(*registry, {.port = first->port()});
  ASSERT_FALSE(second.start().has_value());
  first->stop();
  EXPECT_TRUE(second.start().has_value());
  EXPECT_EQ(http_get(second.port(), "/healthz").status, 200);
}

TEST_F(StatusServerTest, StopsAtOnceTwiceAndLeavesNoThread) {
  const test::NewThreads threads;
  const auto server = start_server();
  const std::uint16_t port = server->port();
  server->stop();
  server->stop();
  EXPECT_EQ(server->port(), 0);
  EXPECT_EQ(http_get(port, "/healthz").status, 0);
  EXPECT_EQ(threads.settled_count(), 0);
}

TEST(WantsPrometheusTest, OnlyTextFormatsAsk) {
  EXPECT_TRUE(wants_prometheus("text/plain"));
  EXPECT_TRUE(wants_prometheus("application/openmetrics-text; version=1.0.0"));
  EXPECT_FALSE(wants_prometheus("*/*"));
  EXPECT_FALSE(wants_prometheus("text/html,application/xhtml+xml"));
  EXPECT_FALSE(wants_prometheus(""));
}

}  // namespace
}  // namespace spillway::agent
