// `http` answers and stores as Flume's HTTPSource, within limits, for many clients at once.
#include <gtest/gtest.h>
#include <zlib.h>

#include <deque>
#include <string>

#include "agent/config.h"
#include "agent/registry.h"
#include "agent/sources/http_options.h"
#include "agent/sources/inflate_body.h"
#include "tests/support/eventually.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/tcp_client.h"

namespace spillway::agent {
namespace {

using Given = std::map<std::string, std::string>;
using Lines = std::vector<std::string>;

std::string post(std::string_view body, std::string_view headers = "",
                 std::string_view target = "/") {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) +
         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + std::string(body);
}

std::string gzip(const std::string& text) {
  ::z_stream stream{};
  CHECK(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string input = text;
  std::string out(deflateBound(&stream, input.size()) + 64, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<unsigned>(input.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

struct HttpSourceTest : testing::Test {
  std::uint16_t start(Given given = {}) {
    given.emplace("bind", "127.0.0.1");
    given.emplace("port", "0");
    source = std::move(
        kHttpSource.create(context, Config::of(kHttpSource.options, given), receiver).value());
    EXPECT_TRUE(source->start().has_value());
    return static_cast<std::uint16_t>(test::RecordedMetrics(*source).gauges.at("tcp_listen_port"));
  }
  // The whole answer to one request on a connection of its own.
  std::string ask(std::uint16_t port, std::string request) {
    test::TcpClient client(port);
    EXPECT_TRUE(client.send(request));
    client.finish_sending();
    return client.receive_all();
  }
  int status(std::uint16_t port, const std::string& request) {
    const std::string answer = ask(port, request);
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
  }

  SystemClock clock;
  ComponentContext context{.name = "r1", .clock = &clock};
  test::RecordingReceiver receiver;
  std::unique_ptr<Source> source;
};

TEST_F(HttpSourceTest, JsonArrayBecomesOneTransaction) {
  const auto port = start();
  EXPECT_EQ(ask(port, post(R"([{"headers":{"a":"1","b":"x"},"body":"one"},{"body":"two"},{}])")),
            "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(receiver.bodies(), (Lines{"one", "two", ""}));
  EXPECT_EQ(receiver.events()[0].headers, (Given{{"a", "1"}, {"b", "x"}}));
  EXPECT_EQ(receiver.batch_sizes(), (std::vector<std::size_t>{3}));
  EXPECT_EQ(source->counters().events_accepted.value(), 3U);
}

TEST_F(HttpSourceTest, ValuesThatAreNoTextBecomeTheirLiteralText) {
  const auto port = start();
  EXPECT_EQ(status(port, post(R"([{"headers":{"n":1,"f":1.50,"t":true,"z":null},"body":7,)"
                              R"("other":{"deep":[1,{"a":2}]}},{"headers":null,"body":null}])")),
            200);
  EXPECT_EQ(receiver.bodies(), (Lines{"7", ""}));
  EXPECT_EQ(receiver.events()[0].headers, (Given{{"n", "1"}, {"f", "1.50"}, {"t", "true"}}));
}

TEST_F(HttpSourceTest, WhatIsNoArrayOfEventsIs400AndStoresNothing) {
  const auto port = start();
  for (const char* body : {"", "x", "null", "{}", "[1]", "[[]]", "[{\"body\":\"a\"},{\"body\":[]}]",
                           "[{\"headers\":{\"a\":{}}}]", "[{\"headers\":[]}]",
                           "[{\"headers\":\"x\"}]", "[{\"headers\":{\"a\":\"1\",\"a\":\"2\"}}]",
                           "[{\"body\":\"a\"}] x", "[{\"body\":\"\xFF\"}]"}) {
    EXPECT_EQ(status(port, post(body)), 400) << body;
  }
  EXPECT_EQ(status(port, post("[]")), 200);
  EXPECT_TRUE(receiver.bodies().empty());
}

TEST_F(HttpSourceTest, CharacterSetsAreTheUnicodeOnes) {
  const auto port = start();
  const std::string json = R"([{"body":"a"}])";
  std::string utf16;
  for (const char c : json) utf16 += std::string(1, '\0') + c;
  EXPECT_EQ(status(port, post(utf16, "Content-Type: application/json; charset=UTF-16\r\n")), 200);
  EXPECT_EQ(receiver.bodies(), (Lines{std::string("\xFE\xFF\0a", 4)}));
  EXPECT_EQ(status(port, post("abc", "Content-Type: text/json; charset=utf-16\r\n")), 400);
  EXPECT_EQ(status(port, post(json, "Content-Type: text/json; charset=latin1\r\n")), 500);
}

TEST_F(HttpSourceTest, FullChannelsAre503AndTooLargeRequestsAre413) {
  const auto port = start();
  const std::string request = post(R"([{"body":"a"},{"body":"b"}])");
  receiver.fail_next(1);
  EXPECT_EQ(status(port, request), 503);
  EXPECT_EQ(status(port, request), 200);
  receiver.set_batch_size_max(1);
  EXPECT_EQ(status(port, request), 413);
  EXPECT_EQ(receiver.bodies().size(), 2U);
}

// Taken for a key that only tunes Jetty, it would let anybody in.
TEST_F(HttpSourceTest, JettysNameOfClientCertificatesCounts) {
  Given given{{"port", "0"}, {"ssl", "true"}};
  EXPECT_FALSE(http_tls_options_of(Config::of(kHttpOptions, given))->needs_client_certificate);
  given["SslContextFactory.needClientAuth"] = "true";
  EXPECT_TRUE(http_tls_options_of(Config::of(kHttpOptions, given))->needs_client_certificate);
}

TEST_F(HttpSourceTest, MethodsAreFlumes) {
  const auto port = start({{"handler", "BLOB"}});
  EXPECT_EQ(status(port, "TRACE / HTTP/1.1\r\n\r\n"), 403);
  EXPECT_EQ(status(port, "OPTIONS / HTTP/1.1\r\n\r\n"), 403);
  EXPECT_EQ(status(port, "DELETE / HTTP/1.1\r\n\r\n"), 405);
  EXPECT_EQ(status(port, "GET /?a=b HTTP/1.1\r\n\r\n"), 200);
  EXPECT_EQ(receiver.events()[0].headers, (Given{{"a", "b"}}));
}

TEST_F(HttpSourceTest, BlobIsOneEventWithTheQueryAsHeaders) {
  const auto port = start({{"handler", "org.apache.flume.source.http.BLOBHandler"},
                           {"handler.mandatoryParameters", "id,kind"}});
  EXPECT_EQ(status(port, post("b\0dy", "", "/?id=1")), 500);
  EXPECT_EQ(status(port, post("body", "", "/p?id=a%20b+c&kind&id=2&%zz=%4")), 200);
  EXPECT_EQ(receiver.bodies(), (Lines{"body"}));
  EXPECT_EQ(receiver.events()[0].headers, (Given{{"id", "a b c"}, {"kind", ""}, {"%zz", "%4"}}));
}

TEST_F(HttpSourceTest, PipelinedRequestsAreAnsweredInTheirOrder) {
  const auto port = start({{"batchSize", "2"}});
  const std::string answer =
      ask(port, post(R"([{"body":"a"}])") + post("bad") + post(R"([{"body":"b"},{"body":"c"}])") +
                    post("x", "Transfer-Encoding: identity\r\nConnection: close\r\n") + post("[]"));
  std::string statuses;
  for (std::size_t at = 0; (at = answer.find("HTTP/1.1 ", at)) != std::string::npos; ++at) {
    statuses += answer.substr(at + 9, 3) + " ";
  }
  EXPECT_EQ(statuses, "200 400 200 400 ");
  EXPECT_EQ(receiver.bodies(), (Lines{"a", "b", "c"}));
}

TEST_F(HttpSourceTest, ChunkedAndByteByByteRequestsAreTheSame) {
  const auto port = start();
  const std::string request =
      "POST / HTTP/1.1\r\nTransfer-Encoding: "
      "chunked\r\n\r\n5\r\n[{\"bo\r\n9\r\ndy\":\"a\"}]\r\n0\r\n\r\n";
  EXPECT_EQ(status(port, request), 200);
  test::TcpClient slow(port);
  for (const char c : request) ASSERT_TRUE(slow.send(std::string(1, c)));
  EXPECT_EQ(slow.receive(38), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(receiver.bodies(), (Lines{"a", "a"}));
}

TEST_F(HttpSourceTest, AClientThatExpectsContinueIsToldSo) {
  const auto port = start();
  test::TcpClient client(port);
  ASSERT_TRUE(client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"));
  EXPECT_EQ(client.receive(25), "HTTP/1.1 100 Continue\r\n\r\n");
  ASSERT_TRUE(client.send("[]"));
  EXPECT_EQ(client.receive(15), "HTTP/1.1 200 OK");
}

TEST_F(HttpSourceTest, CompressedBodiesAreReadUpToTheLimit) {
  const auto port = start({{"maxDecompressedBytes", "100000"}});
  const std::string encoding = "Content-Encoding: gzip\r\n";
  EXPECT_EQ(status(port, post(gzip(R"([{"body":"zipped"}])"), encoding)), 200);
  EXPECT_EQ(receiver.bodies(), (Lines{"zipped"}));
  EXPECT_EQ(status(port, post(gzip(std::string(50 << 20, ' ')), encoding)), 413);
  EXPECT_EQ(status(port, post("no gzip", encoding)), 400);
  EXPECT_EQ(status(port, post(gzip("[]").substr(0, 12), encoding)), 400);
  EXPECT_EQ(status(port, post(gzip("[]") + "x", encoding)), 400);
  EXPECT_EQ(status(port, post("[]", "Content-Encoding: br\r\n")), 415);
}

TEST_F(HttpSourceTest, LimitsOfHeadersAndBodies) {
  const auto port = start({{"maxRequestBytes", "1000"}, {"maxHeaderBytes", "512"}});
  EXPECT_EQ(status(port, post("[]", "X: " + std::string(600, 'x') + "\r\n")), 431);
  EXPECT_EQ(status(port, "POST /" + std::string(600, 'x') + " HTTP/1.1\r\n\r\n"), 431);
  // Told before the body is sent, and while it is.
  EXPECT_EQ(status(port, "POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n"), 413);
  EXPECT_EQ(status(port, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" +
                             std::string(2000, ' ')),
            413);
  EXPECT_EQ(status(port, post("[]")), 200);
}

// Closed with unread input the connection is reset, and many clients never see the answer.
TEST_F(HttpSourceTest, ClientThatSendsAllOfARefusedRequestFirstIsToldWhy) {
  const auto port = start({{"maxRequestBytes", "1000"}});
  test::TcpClient client(port);
  ASSERT_TRUE(client.send(post(std::string(30 << 20, ' '))));
  EXPECT_TRUE(client.receive_all().starts_with("HTTP/1.1 413 "));
  EXPECT_EQ(status(port, post("[]")), 200);
}

TEST_F(HttpSourceTest, AllUnfinishedBodiesTogetherAreBounded) {
  const auto port = start({{"maxBufferedBytes", "1000"}});
  test::TcpClient holder(port);
  ASSERT_TRUE(
      holder.send("POST / HTTP/1.1\r\nContent-Length: 2000\r\n\r\n" + std::string(900, ' ')));
  EXPECT_TRUE(test::eventually([&] { return status(port, post(std::string(200, ' '))) == 503; }));
  EXPECT_EQ(status(port, post("[]")), 200);
}

TEST_F(HttpSourceTest, GarbageIs400AndEndsOnlyItsConnection) {
  const auto port = start();
  for (const std::string& garbage :
       {std::string("hello\r\n\r\n"), std::string("\x16\x03\x01\x02\x00", 5),
        std::string("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n"),
        std::string("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        std::string(
            "POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")}) {
    EXPECT_EQ(status(port, garbage), 400) << garbage;
  }
  EXPECT_EQ(status(port, post("[]")), 200);
}

TEST_F(HttpSourceTest, KeptAliveIdleClientsDoNotKeepOthersOut) {
  const auto port = start();
  std::deque<test::TcpClient> idle;
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(idle.emplace_back(port).send("POST / HTTP/1.1\r\nContent-Le"));
  }
  EXPECT_EQ(status(port, post("[]")), 200);
  EXPECT_TRUE(
      test::eventually([&] { return source->counters().closed_connections.value() == 1U; }));
}

}  // namespace
}  // namespace spillway::agent
