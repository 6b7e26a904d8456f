// The syslog and UDP sources over real sockets: events arrive, clients are held while channels are
// full, limits hold, and no client disturbs another.
#include <gtest/gtest.h>

#include <deque>
#include <string>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/eventually.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/tcp_client.h"
#include "tests/support/udp_client.h"

namespace spillway::agent {
namespace {

using Given = std::map<std::string, std::string>;
using Lines = std::vector<std::string>;

struct SyslogSourcesTest : testing::Test {
  std::uint16_t start(const SourceType& type, Given given) {
    if (find_option(type.options, "host") != nullptr) given.emplace("host", "127.0.0.1");
    if (find_option(type.options, "port") != nullptr) given.emplace("port", "0");
    auto made = type.create(context, Config::of(type.options, given), receiver);
    EXPECT_TRUE(made.has_value());
    source = std::move(made.value());
    EXPECT_TRUE(source->start().has_value());
    const test::RecordedMetrics metrics(*source);
    const char* name =
        metrics.gauges.contains("tcp_listen_port") ? "tcp_listen_port" : "udp_listen_port";
    return static_cast<std::uint16_t>(metrics.gauges.at(name));
  }
  std::uint64_t counter(const std::string& name) {
    return test::RecordedMetrics(*source).counters.at(name);
  }

  SystemClock clock;
  ComponentContext context{.name = "r1", .clock = &clock};
  test::RecordingReceiver receiver;
  std::unique_ptr<Source> source;
};

TEST_F(SyslogSourcesTest, TcpLinesBecomeEventsWithTheClientsAddress) {
  const auto port = start(kSyslogTcpSource, {{"clientIPHeader", "ip"}});
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("<13>1 - h one\n<13>1 - h two\n<13>1 - h unterminated"));
  client.finish_sending();
  ASSERT_TRUE(receiver.wait_for_events(2));
  EXPECT_EQ(client.receive_all(), "");
  EXPECT_EQ(receiver.bodies(), (Lines{"one", "two"}));
  EXPECT_EQ(receiver.events()[0].headers.at("ip"), "127.0.0.1");
}

TEST_F(SyslogSourcesTest, RfcParserTakesCountedMessagesAndTheLastLine) {
  const auto port = start(kSyslogTcpSource, {{"parser", "rfc"}});
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("22 <13>1 - h a p i - onetw<13>1 - h a p i - three"));
  client.finish_sending();
  ASSERT_TRUE(receiver.wait_for_events(2));
  EXPECT_EQ(receiver.events()[0].headers.at("appName"), "a");
}

TEST_F(SyslogSourcesTest, FullChannelsHoldClientsBackAndLoseNothing) {
  receiver.fail_always();
  const auto port = start(kSyslogTcpSource, {{"batchSize", "10"}});
  test::TcpClient first(port);
  test::TcpClient second(port);
  std::string lines;
  for (int i = 0; i < 1000; ++i) lines += "<13>1 - h line\n";
  ASSERT_TRUE(first.send(lines));
  ASSERT_TRUE(receiver.wait_for_attempts(3));
  ASSERT_TRUE(second.send(lines));
  first.finish_sending();
  second.finish_sending();
  receiver.recover();
  EXPECT_TRUE(receiver.wait_for_events(2000));
  EXPECT_EQ(receiver.bodies().size(), 2000U);
  EXPECT_EQ(source->counters().events_received.value(), 2000U);
  EXPECT_GE(counter("tcp_blocked_batches_total"), 1U);
}

TEST_F(SyslogSourcesTest, AnEventNoChannelCanHoldIsDroppedAloneAndCounted) {
  receiver.set_batch_size_max(1);
  const auto port = start(kSyslogTcpSource, {});
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("<13>1 - h a\n<13>1 - h b\n"));
  ASSERT_TRUE(receiver.wait_for_events(2));
  receiver.set_batch_size_max(0);
  ASSERT_TRUE(client.send("<13>1 - h c\n"));
  EXPECT_TRUE(test::eventually([&] { return counter("tcp_dropped_events_total") == 1; }));
}

TEST_F(SyslogSourcesTest, StopWhileBlockedDropsWhatWasReadAndCountsIt) {
  receiver.fail_always();
  const auto port = start(kSyslogTcpSource, {});
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("<13>1 - h a\n"));
  ASSERT_TRUE(receiver.wait_for_attempts(2));
  source->stop();
  EXPECT_EQ(counter("tcp_dropped_events_total"), 1U);
}

TEST_F(SyslogSourcesTest, IdleConnectionsAreEndedAndBusyOnesStay) {
  const auto port = start(kSyslogTcpSource, {{"idleTimeout", "1"}});
  test::TcpClient idle(port);
  EXPECT_EQ(idle.receive_all(), "");  // returns when the source closes
  EXPECT_EQ(counter("tcp_idle_connections_ended_total"), 1U);
  test::TcpClient next(port);
  ASSERT_TRUE(next.send("<13>1 - h a\n"));
  EXPECT_TRUE(receiver.wait_for_events(1));
}

TEST_F(SyslogSourcesTest, ManyIdleAndBusyConnectionsGarbageAndSlowClientsAreServedTogether) {
  constexpr std::size_t kIdle = 400;  // descriptors of both ends are in this process
  constexpr std::size_t kBusy = 50;
  constexpr std::size_t kLines = 200;
  const auto port = start(kSyslogTcpSource, {{"batchSize", "1000"}});
  std::deque<test::TcpClient> idle;
  for (std::size_t i = 0; i < kIdle / 2; ++i) ASSERT_TRUE(idle.emplace_back(port).is_connected());
  test::TcpClient endless(port);
  ASSERT_TRUE(endless.send(std::string(100, '<')));
  test::TcpClient garbage(port);
  test::TcpClient slow(port);
  std::deque<test::TcpClient> busy;
  for (std::size_t i = 0; i < kBusy; ++i) ASSERT_TRUE(busy.emplace_back(port).is_connected());
  const std::string slow_line = "<13>1 - h slow\n";
  std::string lines;
  for (std::size_t i = 0; i < kLines; ++i) lines += "<13>1 - h busy\n";
  for (std::size_t i = 0; i < kBusy; ++i) {
    if (i < slow_line.size()) {
      ASSERT_TRUE(slow.send(slow_line.substr(i, 1)));
    }
    ASSERT_TRUE(busy[i].send(lines));
  }
  ASSERT_TRUE(garbage.send(std::string("\0\xFF\x80<999999>\n", 12)));
  ASSERT_TRUE(receiver.wait_for_events(kBusy * kLines + 2));
  std::size_t seen_busy = 0;
  std::size_t seen_slow = 0;
  for (const std::string& body : receiver.bodies()) {
    if (body == "busy") ++seen_busy;
    if (body == "slow") ++seen_slow;
  }
  EXPECT_EQ(seen_busy, kBusy * kLines);
  EXPECT_EQ(seen_slow, 1U);
  EXPECT_EQ(source->counters().closed_connections.value(), 0U);
}

TEST_F(SyslogSourcesTest, MultiportKnowsThePortAndItsCharacterSet) {
  const auto port = start(kMultiportSyslogTcpSource,
                          {{"ports", "0"}, {"portHeader", "port"}, {"charset.default", "latin1"}});
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("\n<13>1 - h\xE9 one\n"));
  ASSERT_TRUE(receiver.wait_for_events(1));
  EXPECT_EQ(receiver.events()[0].headers.at("port"), std::to_string(port));
  EXPECT_EQ(receiver.events()[0].headers.at("host"), "h\xC3\xA9");
}

TEST_F(SyslogSourcesTest, MultiportRefusesPortsAndCharacterSetsItCannotUse) {
  for (const Given& given : {Given{{"ports", "70000"}}, Given{{"ports", "x"}},
                             Given{{"ports", "1"}, {"charset.port.1", "utf-16"}},
                             Given{{"ports", "1"}, {"charset.port.x", "utf-8"}}}) {
    const Config config = Config::of(kMultiportSyslogTcpSource.options, given);
    const auto made = kMultiportSyslogTcpSource.create(context, config, receiver);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code, Errc::kBadConfig);
  }
}

TEST_F(SyslogSourcesTest, UdpDatagramsBecomeEvents) {
  const auto port = start(kSyslogUdpSource, {{"clientIPHeader", "ip"}});
  test::UdpClient client(port);
  ASSERT_TRUE(client.send("<13>1 - h one\nrest is dropped"));
  ASSERT_TRUE(client.send("\n"));
  ASSERT_TRUE(client.send("<13>1 - h two"));
  ASSERT_TRUE(receiver.wait_for_events(2));
  EXPECT_EQ(receiver.bodies(), (Lines{"one", "two"}));
  EXPECT_EQ(receiver.events()[0].headers.at("ip"), "127.0.0.1");
  EXPECT_EQ(counter("udp_unusable_datagrams_total"), 1U);
}

TEST_F(SyslogSourcesTest, UdpCountsWhatTheKernelDropsWhileChannelsAreFull) {
  receiver.fail_always();
  const auto port = start(kSyslogUdpSource, {{"receiveBufferBytes", "4096"}});
  test::UdpClient client(port);
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(client.send("<13>1 - h " + std::string(500, 'x')));
  receiver.recover();
  // Drops are told with the next datagram that finds room.
  EXPECT_TRUE(test::eventually([&] {
    client.send("<13>1 - h late");
    return counter("udp_kernel_dropped_datagrams_total") > 0;
  }));
}

TEST_F(SyslogSourcesTest, NetcatUdpTakesTheFirstLineAndNamesTheSender) {
  const auto port =
      start(kNetcatUdpSource, {{"bind", "127.0.0.1"}, {"remoteAddressHeader", "from"}});
  test::UdpClient client(port);
  ASSERT_TRUE(client.send("one\ntwo"));
  ASSERT_TRUE(client.send(""));
  ASSERT_TRUE(receiver.wait_for_events(2));
  EXPECT_EQ(receiver.bodies(), (Lines{"one", ""}));
  EXPECT_EQ(receiver.events()[0].headers.at("from"),
            "/127.0.0.1:" + std::to_string(client.local_port()));
}

}  // namespace
}  // namespace spillway::agent
