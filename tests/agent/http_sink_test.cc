// What the server did not take is not forgotten, what the rules give up is counted, and a server
// that is slow, rude or absent costs a time-out and nothing else.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <condition_variable>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "agent/sinks/http_rules.h"
#include "tests/support/event_views.h"
#include "tests/support/eventually.h"
#include "tests/support/free_port.h"
#include "tests/support/post_server.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"
#include "wal/io/owned_fd.h"

namespace spillway::agent {
namespace {

using Bodies = std::vector<std::string>;
using Options = std::map<std::string, std::string>;

struct HttpSinkTest : testing::Test {
  std::unique_ptr<Sink> start(const std::string& url, Options options = {}) {
    options["endpoint"] = url;
    auto sink =
        std::move(kHttpSink.create(context, Config::of(kHttpSink.options, options)).value());
    EXPECT_TRUE(sink->start().has_value());
    return sink;
  }
  static Result<void> deliver(Sink& sink, std::initializer_list<std::string_view> bodies) {
    const auto batch = test::batch_of(bodies);
    return sink.deliver(test::views_of(batch));
  }

  SystemClock clock;
  ComponentContext context{.name = "k1", .clock = &clock};
};

TEST_F(HttpSinkTest, PostsOneEventPerRequestOverOneConnection) {
  const test::PostServer server;
  const auto sink = start(server.url());
  EXPECT_EQ(sink->batch_size(), 1U);
  for (const char* const body : {"one", "two", "three"}) {
    ASSERT_TRUE(deliver(*sink, {body}).has_value());
  }
  const auto posts = server.posts();
  EXPECT_EQ(server.bodies(), (Bodies{"one", "two", "three"}));
  EXPECT_EQ(posts[0].remote_port, posts[2].remote_port);
  EXPECT_EQ(posts[0].content_type, "text/plain");
  EXPECT_EQ(posts[0].accept, "text/plain");
  EXPECT_EQ(sink->counters().connections_created.value(), 1U);
  EXPECT_EQ(test::RecordedMetrics(*sink).counters["http_counted_events_total"], 3U);
  sink->stop();
  EXPECT_EQ(sink->counters().connections_closed.value(), 1U);
}

TEST_F(HttpSinkTest, SendsTheHeadersThatAreConfigured) {
  const test::PostServer server;
  const auto sink = start(server.url(), {{"contentTypeHeader", "application/json"},
                                         {"acceptHeader", "application/xml"}});
  ASSERT_TRUE(deliver(*sink, {"{}"}).has_value());
  EXPECT_EQ(server.posts()[0].content_type, "application/json");
  EXPECT_EQ(server.posts()[0].accept, "application/xml");
  sink->stop();
}

TEST_F(HttpSinkTest, AnEventWithoutABodyIsNotPosted) {
  const test::PostServer server;
  const auto sink = start(server.url(), {{"batchSize", "10"}});
  ASSERT_TRUE(deliver(*sink, {"", "one", ""}).has_value());
  EXPECT_EQ(server.bodies(), (Bodies{"one"}));
  EXPECT_EQ(test::RecordedMetrics(*sink).counters["http_empty_events_total"], 2U);
  sink->stop();
}

TEST_F(HttpSinkTest, JoinsABatchToLines) {
  const test::PostServer server;
  const auto sink = start(server.url(), {{"requestBody", "lines"}, {"maxRequestLength", "1024"}});
  EXPECT_EQ(sink->batch_size(), 100U);
  const std::string large(1'020, 'x');
  ASSERT_TRUE(deliver(*sink, {"one", "two\n", large, "three"}).has_value());
  EXPECT_EQ(server.bodies(), (Bodies{"one\ntwo\n", large + "\n", "three\n"}));
  sink->stop();
}

TEST_F(HttpSinkTest, JoinsABatchToTheJsonOfFlumesHttpSource) {
  const test::PostServer server;
  const auto sink = start(server.url(), {{"requestBody", "json"}});
  channel::EventBatch batch;
  const std::vector<channel::HeaderView> headers{{.key = "k", .value = "v\"1"}};
  batch.add(headers, "one");
  batch.add(std::string_view("\xFF", 1));
  ASSERT_TRUE(sink->deliver(test::views_of(batch)).has_value());
  EXPECT_EQ(nlohmann::json::parse(server.bodies()[0]),
            nlohmann::json::parse("[{\"headers\":{\"k\":\"v\\\"1\"},\"body\":\"one\"},"
                                  "{\"headers\":{},\"body\":\"\\uFFFD\"}]"));
  sink->stop();
}

TEST_F(HttpSinkTest, WhatTheRulesRollBackIsPostedAgain) {
  test::PostServer server;
  std::atomic<int> status{503};
  server.set_answer([&](const test::Post&) { return status.load(); });
  const auto sink = start(server.url());
  const auto failed = deliver(*sink, {"one"});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().at, 503U);
  status = 204;
  EXPECT_TRUE(deliver(*sink, {"one"}).has_value());
  EXPECT_EQ(server.bodies(), (Bodies{"one", "one"}));
  EXPECT_EQ(sink->counters().connections_created.value(), 1U);
  sink->stop();
}

TEST_F(HttpSinkTest, WhatTheRulesGiveUpIsRefused) {
  test::PostServer server;
  server.set_answer([](const test::Post&) { return 400; });
  const auto sink = start(
      server.url(),
      {{"rollback.4XX", "false"}, {"backoff.4XX", "false"}, {"incrementMetrics.400", "true"}});
  EXPECT_TRUE(deliver(*sink, {"", "one"}).has_value());
  const auto refused = sink->take_refused();
  ASSERT_EQ(refused.size(), 1U);
  EXPECT_EQ(refused[0].index, 1U);
  EXPECT_EQ(refused[0].reason, "HTTP status 400");
  const test::RecordedMetrics metrics(*sink);
  EXPECT_EQ(metrics.counters.at("http_given_up_events_total"), 1U);
  EXPECT_EQ(metrics.counters.at("http_counted_events_total"), 1U);
  sink->stop();
}

TEST_F(HttpSinkTest, AnInterruptEndsThePausesOfOneDelivery) {
  test::PostServer server;
  server.set_answer([](const test::Post&) { return 400; });
  const auto sink = start(server.url(), {{"rollback.4XX", "false"}, {"batchSize", "100"}});
  std::atomic<bool> is_over{false};
  // Pauses of 1 s, 2 s, 3 s, 4 s and then 5 s: eight minutes.
  channel::EventBatch batch;
  for (int i = 0; i < 100; ++i) batch.add("x");
  std::thread delivering([&] {
    EXPECT_TRUE(sink->deliver(test::views_of(batch)).has_value());
    is_over = true;
  });
  ASSERT_TRUE(test::eventually([&] { return !server.bodies().empty(); }));
  EXPECT_TRUE(test::eventually([&] {
    sink->interrupt();
    return is_over.load();
  }));
  delivering.join();
  EXPECT_EQ(server.bodies().size(), 100U);
  EXPECT_EQ(sink->take_refused().size(), 100U);
  sink->stop();
}

TEST_F(HttpSinkTest, ASlowServerCostsATimeOut) {
  test::PostServer server;
  std::mutex mutex;
  std::condition_variable done;
  bool is_done = false;
  server.set_answer([&](const test::Post&) {
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return is_done; });
    return 200;
  });
  const auto sink = start(server.url(), {{"connectTimeout", "50"}, {"requestTimeout", "50"}});
  const auto failed = deliver(*sink, {"one"});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::kTimeout);
  {
    const std::lock_guard lock(mutex);
    is_done = true;
  }
  done.notify_all();
  EXPECT_TRUE(test::eventually([&] { return deliver(*sink, {"one"}).has_value(); }));
  sink->stop();
}

TEST_F(HttpSinkTest, AServerThatIsGoneFailsTheBatch) {
  const auto sink = start("http://127.0.0.1:" + std::to_string(test::free_port()) + "/");
  const auto failed = deliver(*sink, {"one"});
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::kUnavailable);
  EXPECT_EQ(sink->counters().connections_failed.value(), 1U);
  sink->stop();
}

TEST_F(HttpSinkTest, AServerThatNeverAnswersFailsTheBatch) {
  const test::OccupiedPort port;  // accepts in the kernel, never answers
  const auto sink = start("http://127.0.0.1:" + std::to_string(port.port()) + "/",
                          {{"requestTimeout", "50"}, {"connectTimeout", "50"}});
  EXPECT_FALSE(deliver(*sink, {"one"}).has_value());
  sink->stop();
}

TEST_F(HttpSinkTest, AServerThatResetsTheConnectionFailsTheBatch) {
  const io::OwnedFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), raw, size), 0);
  ASSERT_EQ(::listen(listener.get(), 8), 0);
  ASSERT_EQ(::getsockname(listener.get(), raw, &size), 0);
  std::thread rude([&] {
    const io::OwnedFd client(::accept(listener.get(), nullptr, nullptr));
    char byte = 0;
    EXPECT_EQ(::recv(client.get(), &byte, 1, 0), 1);
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  });
  const auto sink = start("http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/");
  const auto failed = deliver(*sink, {"one"});
  rude.join();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, Errc::kUnavailable);
  sink->stop();
}

TEST_F(HttpSinkTest, VerifiesTheServersCertificate) {
  const test::TempDir dir;
  const auto made = test::run_program({"/usr/bin/openssl", "req", "-x509", "-newkey", "rsa:2048",
                                       "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                                       "subjectAltName=IP:127.0.0.1", "-keyout", dir.file("key"),
                                       "-out", dir.file("cert")});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const test::PostServer server(
      std::make_unique<httplib::SSLServer>(dir.file("cert").c_str(), dir.file("key").c_str()));
  const auto strict = start(server.url("https"));
  EXPECT_FALSE(deliver(*strict, {"one"}).has_value());
  strict->stop();
  const auto knowing = start(server.url("https"), {{"caFile", dir.file("cert")}});
  EXPECT_TRUE(deliver(*knowing, {"two"}).has_value());
  knowing->stop();
  const auto careless = start(server.url("https"), {{"trust-all-certs", "true"}});
  EXPECT_TRUE(deliver(*careless, {"three"}).has_value());
  careless->stop();
  EXPECT_EQ(server.bodies(), (Bodies{"two", "three"}));
}

TEST_F(HttpSinkTest, BadOptionsAreRefused) {
  const auto is_refused = [&](Options options) {
    options.emplace("endpoint", "http://localhost/");
    return !kHttpSink.create(context, Config::of(kHttpSink.options, options)).has_value();
  };
  EXPECT_FALSE(is_refused({}));
  for (const char* const url : {"localhost", "ftp://localhost/", "http://", "http://a b/"}) {
    EXPECT_TRUE(is_refused({{"endpoint", url}})) << url;
  }
  for (const char* const code : {"20", "2000", "6XX", "2xx", "4X4", "abc"}) {
    EXPECT_TRUE(is_refused({{std::string("backoff.") + code, "true"}})) << code;
  }
}

TEST(HttpRulesTest, ACodeBeatsItsGroupAndThatTheDefault) {
  const auto rules = HttpRules::read(Config::of(kHttpSink.options, {{"endpoint", "http://h/"},
                                                                    {"defaultRollback", "false"},
                                                                    {"rollback.4XX", "true"},
                                                                    {"rollback.404", "false"},
                                                                    {"backoff.200", "true"}}))
                         .value();
  EXPECT_FALSE(rules.verdict(500).rolls_back);
  EXPECT_TRUE(rules.verdict(500).backs_off);
  EXPECT_TRUE(rules.verdict(403).rolls_back);
  EXPECT_FALSE(rules.verdict(404).rolls_back);
  EXPECT_TRUE(rules.verdict(200).backs_off);
  EXPECT_FALSE(rules.verdict(201).backs_off);
  EXPECT_TRUE(rules.verdict(201).is_counted);
}

}  // namespace
}  // namespace spillway::agent
