// `netcat` answers every line as Flume does, in order, and no client can hurt another one.
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/eventually.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/tcp_client.h"

namespace spillway::agent {
namespace {

using Lines = std::vector<std::string>;

std::string repeat(std::string_view text, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) out += text;
  return out;
}

struct NetcatSourceTest : testing::Test {
  std::unique_ptr<Source> make(std::map<std::string, std::string> given) {
    given.emplace("bind", "127.0.0.1");
    given.emplace("port", "0");
    return std::move(
        kNetcatSource.create(context, Config::of(kNetcatSource.options, given), receiver).value());
  }

  std::uint16_t start(const std::map<std::string, std::string>& given = {}) {
    source = make(given);
    EXPECT_TRUE(source->start().has_value());
    return static_cast<std::uint16_t>(test::RecordedMetrics(*source).gauges.at("tcp_listen_port"));
  }

  SystemClock clock;
  ComponentContext context{.name = "r1", .clock = &clock};
  test::RecordingReceiver receiver;
  std::unique_ptr<Source> source;
};

TEST_F(NetcatSourceTest, AnswersOkToEachLine) {
  test::TcpClient client(start());
  ASSERT_TRUE(client.send("one\ntwo\r\n\n"));
  EXPECT_EQ(client.receive(9), "OK\nOK\nOK\n");
  EXPECT_EQ(receiver.bodies(), (Lines{"one", "two\r", ""}));
}

TEST_F(NetcatSourceTest, LinesOfOneReadAreOneTransaction) {
  test::TcpClient client(start());
  ASSERT_TRUE(client.send(repeat("line\n", 10)));
  EXPECT_EQ(client.receive(30), repeat("OK\n", 10));
  EXPECT_EQ(receiver.batch_sizes(), (std::vector<std::size_t>{10}));
}

TEST_F(NetcatSourceTest, BatchesAreBoundedAndEverythingBeforeTheEndIsAnswered) {
  test::TcpClient client(start({{"batchSize", "7"}}));
  ASSERT_TRUE(client.send(repeat("line\n", 500)));
  client.finish_sending();
  EXPECT_EQ(client.receive_all(), repeat("OK\n", 500));
  EXPECT_EQ(receiver.bodies().size(), 500U);
  for (const std::size_t size : receiver.batch_sizes()) EXPECT_LE(size, 7U);
}

TEST_F(NetcatSourceTest, SaysNothingWhenAsked) {
  test::TcpClient client(start({{"ack-every-event", "false"}}));
  ASSERT_TRUE(client.send("one\n"));
  client.finish_sending();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(receiver.bodies(), (Lines{"one"}));
}

TEST_F(NetcatSourceTest, RefusedLinesAreAnsweredEvenWithoutAcknowledgements) {
  receiver.fail_next(1);
  test::TcpClient client(start({{"ack-every-event", "false"}}));
  ASSERT_TRUE(client.send("refused\n"));
  const std::string expected = "FAILED: channel is full (full)\n";
  EXPECT_EQ(client.receive(expected.size()), expected);
  ASSERT_TRUE(client.send("accepted\n"));
  client.finish_sending();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(receiver.bodies(), (Lines{"accepted"}));
}

TEST_F(NetcatSourceTest, ALineNoChannelCanHoldDoesNotFailItsNeighbours) {
  receiver.set_batch_size_max(1);
  test::TcpClient client(start());
  ASSERT_TRUE(client.send("a\nb\nc\n"));
  EXPECT_EQ(client.receive(9), "OK\nOK\nOK\n");
  EXPECT_EQ(receiver.bodies(), (Lines{"a", "b", "c"}));
}

TEST_F(NetcatSourceTest, OverlongLineEndsTheConnectionAfterTheOthersWereAnswered) {
  test::TcpClient client(start({{"max-line-length", "10"}}));
  ASSERT_TRUE(client.send("fits\n0123456789 does not\nlost\n"));
  EXPECT_EQ(client.receive_all(),
            "OK\nFAILED: Event exceeds the maximum length (10 chars, including newline)\n");
  EXPECT_EQ(receiver.bodies(), (Lines{"fits"}));
}

TEST_F(NetcatSourceTest, AnUnterminatedRestIsDropped) {
  test::TcpClient client(start());
  ASSERT_TRUE(client.send("whole\nhalf"));
  client.finish_sending();
  EXPECT_EQ(client.receive_all(), "OK\n");
  EXPECT_EQ(receiver.bodies(), (Lines{"whole"}));
}

TEST_F(NetcatSourceTest, TextIsConvertedToUtf8) {
  test::TcpClient client(start({{"encoding", "ISO-8859-1"}}));
  ASSERT_TRUE(client.send("caf\xE9\n"));
  EXPECT_EQ(client.receive(3), "OK\n");
  EXPECT_EQ(receiver.bodies(), (Lines{"caf\xC3\xA9"}));
}

TEST_F(NetcatSourceTest, ServesManyClientsAtOnceWithoutMixingTheirAnswers) {
  constexpr std::size_t kClients = 200;
  const std::uint16_t port = start();
  std::deque<test::TcpClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) {
    ASSERT_TRUE(clients.emplace_back(port).is_connected());
  }
  for (std::size_t i = 0; i < kClients; ++i) {
    ASSERT_TRUE(clients[i].send(repeat("client " + std::to_string(i) + "\n", 1 + i % 5)));
    clients[i].finish_sending();
  }
  for (std::size_t i = 0; i < kClients; ++i) {
    EXPECT_EQ(clients[i].receive_all(), repeat("OK\n", 1 + i % 5)) << i;
  }
  EXPECT_EQ(receiver.bodies().size(), 600U);
  EXPECT_TRUE(
      test::eventually([&] { return source->counters().closed_connections.value() == kClients; }));
  EXPECT_EQ(source->counters().open_connections.value(), kClients);
}

TEST_F(NetcatSourceTest, AClientThatDoesNotReadBlocksNobodyAndIsNotReadForEver) {
  const std::uint16_t port = start();
  test::TcpClient slow(port);
  // Empty lines: three bytes of answer for each byte of input, until no buffer takes more.
  const std::string lines(64 << 20, '\n');
  const std::size_t sent = slow.send_while_taken(lines);
  EXPECT_LT(sent, lines.size());
  test::TcpClient quick(port);
  ASSERT_TRUE(quick.send("hello\n"));
  EXPECT_EQ(quick.receive(3), "OK\n");
  slow.finish_sending();
  EXPECT_EQ(slow.receive_all().size(), sent * 3);
}

TEST_F(NetcatSourceTest, TooManyClientsAreTurnedAway) {
  const std::uint16_t port = start({{"maxConnections", "1"}});
  test::TcpClient first(port);
  ASSERT_TRUE(first.send("one\n"));
  ASSERT_EQ(first.receive(3), "OK\n");
  test::TcpClient second(port);
  EXPECT_EQ(second.receive_all(), "");
  EXPECT_EQ(test::RecordedMetrics(*source).counters.at("tcp_refused_connections_total"), 1U);
  first.finish_sending();
  EXPECT_EQ(first.receive_all(), "");
  test::TcpClient third(port);
  ASSERT_TRUE(third.send("three\n"));
  EXPECT_EQ(third.receive(3), "OK\n");
}

TEST_F(NetcatSourceTest, GarbageIsAnEventOrEndsTheConnectionButNotTheSource) {
  const std::uint16_t port = start();
  {
    test::TcpClient client(port);
    client.send(std::string("\0\xFF\xFE\n", 4) + std::string(100'000, '\x80'));
    client.receive_all();
  }
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("fine\n"));
  EXPECT_EQ(client.receive(3), "OK\n");
  EXPECT_EQ(receiver.bodies().back(), "fine");
}

TEST_F(NetcatSourceTest, StopClosesConnectionsAndFreesThePort) {
  const std::uint16_t port = start();
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("one\n"));
  ASSERT_EQ(client.receive(3), "OK\n");
  source->stop();
  source->stop();
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_FALSE(test::TcpClient(port).is_connected());
  const auto next = make({{"port", std::to_string(port)}});
  EXPECT_TRUE(next->start().has_value());
  next->stop();
}

TEST_F(NetcatSourceTest, TakenPortFailsStartAndMayBeRetried) {
  const std::uint16_t port = start();
  const auto second = make({{"port", std::to_string(port)}});
  EXPECT_EQ(second->start().error().code, Errc::kUnavailable);
  source->stop();
  EXPECT_TRUE(second->start().has_value());
  second->stop();
}

TEST_F(NetcatSourceTest, UnknownHostFailsStart) {
  const auto unknown = make({{"bind", "no.such.host.invalid"}});
  EXPECT_EQ(unknown->start().error().code, Errc::kUnavailable);
}

}  // namespace
}  // namespace spillway::agent
