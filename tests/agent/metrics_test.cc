// What scrapers rely on: Flume's JSON keeps Flume's names and string values; the Prometheus text
// is well-formed whatever components publish.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <regex>
#include <sstream>
#include <string>
#include <utility>

#include "agent/metric_families.h"
#include "agent/metrics_registry.h"
#include "agent/status_page.h"
#include "tests/support/event_views.h"
#include "tests/support/eventually.h"
#include "tests/support/fake_channel.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_components.h"
#include "tests/support/json_value.h"

namespace spillway::agent {
namespace {

using test::FakeChannel;
using test::FakeClock;
using test::JsonValue;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

struct MetricsTest : testing::Test {
  void SetUp() override {
    auto plain = std::make_unique<FakeChannel>(/*capacity=*/8);
    memory = plain.get();
    pipeline.agent_name = "a1 <b>";
    pipeline.add_channel({"c1", "fake"}, std::move(plain));
    pipeline.add_channel({"c2", "fake"},
                         std::make_unique<FakeChannel>(/*capacity=*/0, /*survives_stop=*/true));
    auto fake_sink = std::make_unique<test::FakeSink>();
    sink = fake_sink.get();
    pipeline.add_sink({"k1", "fake"}, std::move(fake_sink), 1, clock, {});
    ASSERT_TRUE(pipeline
                    .add_source({"r1", "fake"}, replicating_flow({.required = {0}, .optional = {}}),
                                [this](EventReceiver&) -> Result<std::unique_ptr<Source>> {
                                  auto fake = std::make_unique<test::FakeSource>();
                                  source = fake.get();
                                  return std::unique_ptr<Source>(std::move(fake));
                                },
                                {})
                    .has_value());
  }
  void start() {
    agent = std::make_unique<Agent>(std::move(pipeline), clock, LifecycleOptions{});
    registry = std::make_unique<MetricsRegistry>(*agent, clock);
    agent->start();
    agent->wait_first_round();
  }
  [[nodiscard]] JsonValue json() const { return JsonValue::parse(registry->flume_json()); }

  FakeClock clock;
  Pipeline pipeline;
  FakeChannel* memory = nullptr;
  test::FakeSink* sink = nullptr;
  test::FakeSource* source = nullptr;
  std::unique_ptr<Agent> agent;
  std::unique_ptr<MetricsRegistry> registry;
};

TEST_F(MetricsTest, FlumeJsonHasOneObjectPerStartedComponentAndOnlyStrings) {
  start();
  const auto all = json();
  EXPECT_THAT(all.keys(), UnorderedElementsAre("CHANNEL.c1", "CHANNEL.c2", "SINK.k1", "SOURCE.r1"));
  for (const auto& component : all.keys()) {
    for (const auto& key : all[component].keys()) EXPECT_TRUE(all[component][key].is_string());
  }
}

TEST_F(MetricsTest, FlumeJsonChannelHasFlumesAttributes) {
  start();
  ASSERT_TRUE(memory->put(test::batch_of({"a", "b"})).has_value());
  const auto channel = json()["CHANNEL.c1"];
  EXPECT_THAT(
      channel.keys(),
      UnorderedElementsAre("ChannelSize", "ChannelCapacity", "ChannelFillPercentage",
                           "EventPutAttemptCount", "EventPutSuccessCount", "EventTakeAttemptCount",
                           "EventTakeSuccessCount", "StartTime", "StopTime", "Type"));
  EXPECT_EQ(channel["Type"], "CHANNEL");
  EXPECT_EQ(channel["ChannelSize"], "2");
  EXPECT_EQ(channel["ChannelCapacity"], "8");
  EXPECT_EQ(channel["ChannelFillPercentage"], "25.0");
  EXPECT_EQ(channel["EventPutSuccessCount"], "2");
  EXPECT_EQ(channel["StartTime"], std::to_string(FakeClock::kStartWallMs));
  EXPECT_EQ(channel["StopTime"], "0");
}

TEST_F(MetricsTest, FlumeJsonDurableChannelHasTheFileChannelsAttributesToo) {
  start();
  const auto channel = json()["CHANNEL.c2"];
  EXPECT_EQ(channel["Open"], "true");
  EXPECT_EQ(channel["Closed"], "0");
  EXPECT_EQ(channel["Unhealthy"], "0");
  EXPECT_TRUE(channel.contains("EventPutErrorCount"));
  EXPECT_TRUE(channel.contains("EventTakeErrorCount"));
  EXPECT_TRUE(channel.contains("CheckpointWriteErrorCount"));
  EXPECT_TRUE(channel.contains("CheckpointBackupWriteErrorCount"));
}

TEST_F(MetricsTest, FlumeJsonSourceHasFlumesAttributes) {
  source->mutable_counters().open_connections.add(3);
  source->mutable_counters().closed_connections.add(1);
  source->mutable_counters().events_received.add(7);
  start();
  const auto json_of_source = json()["SOURCE.r1"];
  EXPECT_THAT(json_of_source.keys(),
              UnorderedElementsAre("EventReceivedCount", "EventAcceptedCount",
                                   "AppendReceivedCount", "AppendAcceptedCount",
                                   "AppendBatchReceivedCount", "AppendBatchAcceptedCount",
                                   "OpenConnectionCount", "EventReadFail", "ChannelWriteFail",
                                   "GenericProcessingFail", "StartTime", "StopTime", "Type"));
  EXPECT_EQ(json_of_source["OpenConnectionCount"], "2");
  EXPECT_EQ(json_of_source["EventReceivedCount"], "7");
}

TEST_F(MetricsTest, FlumeJsonSinkHasFlumesAttributes) {
  start();
  EXPECT_THAT(
      json()["SINK.k1"].keys(),
      UnorderedElementsAre("ConnectionCreatedCount", "ConnectionClosedCount",
                           "ConnectionFailedCount", "BatchEmptyCount", "BatchUnderflowCount",
                           "BatchCompleteCount", "EventDrainAttemptCount", "EventDrainSuccessCount",
                           "EventWriteFail", "ChannelReadFail", "StartTime", "StopTime", "Type"));
}

TEST_F(MetricsTest, FlumeJsonShowsWhenAComponentStopped) {
  start();
  clock.advance(std::chrono::seconds(5));
  agent->stop(std::chrono::milliseconds(0));
  EXPECT_EQ(json()["SOURCE.r1"]["StopTime"], std::to_string(FakeClock::kStartWallMs + 5000));
}

TEST_F(MetricsTest, ComponentThatHasNotStartedIsInPrometheusAsDownAndNotInFlumesJson) {
  memory->fail_starts(1);
  start();
  EXPECT_FALSE(json().contains("CHANNEL.c1"));
  EXPECT_FALSE(json().contains("SOURCE.r1"));
  EXPECT_THAT(
      registry->prometheus_text(),
      HasSubstr("spillway_component_up{component=\"c1\",kind=\"channel\",type=\"fake\"} 0"));
  EXPECT_THAT(unready_components(*registry), HasSubstr("channel c1: retrying: "));
  EXPECT_THAT(unready_components(*registry), HasSubstr("source r1: waiting\n"));
}

TEST_F(MetricsTest, StatusPageNamesComponentsAndEscapesThem) {
  start();
  const std::string page = status_page(*registry);
  EXPECT_THAT(page, HasSubstr("a1 &lt;b&gt;"));
  EXPECT_THAT(page, HasSubstr("<td>c1</td>"));
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
}

// Checks the text format 0.0.4 as far as a scraper depends on it; returns the samples.
std::map<std::string, std::string> parse_prometheus(const std::string& text) {
  static const std::regex kSample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\]|\\.)*",?)*\})? (\S+))re");
  static const std::regex kNumber(R"re([+-]?(Inf|NaN|[0-9.]+(e[+-]?[0-9]+)?))re");
  std::map<std::string, std::string> samples;
  std::map<std::string, std::string> types;
  std::string family;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash;
    std::string keyword;
    std::string name;
    words >> hash >> keyword >> name;
    if (hash == "#" && keyword == "HELP") {
      EXPECT_EQ(types.count(name), 0U) << "a family is written in one piece: " << name;
      family = name;
      continue;
    }
    if (hash == "#" && keyword == "TYPE") {
      EXPECT_EQ(name, family);
      words >> types[name];
      EXPECT_TRUE(types[name] == "counter" || types[name] == "gauge" || types[name] == "summary");
      continue;
    }
    std::smatch match;
    EXPECT_TRUE(std::regex_match(line, match, kSample)) << line;
    EXPECT_TRUE(std::regex_match(match[5].str(), kNumber)) << line;
    EXPECT_EQ(match[1].str().rfind(family, 0), 0U) << line << " is outside its family " << family;
    EXPECT_EQ(types[family] == "counter", family.ends_with("_total")) << family;
    const std::string key = match[1].str() + match[2].str();
    EXPECT_EQ(samples.count(key), 0U) << "twice: " << key;
    samples[key] = match[5].str();
  }
  return samples;
}

TEST_F(MetricsTest, PrometheusTextOfAnAgentIsWellFormed) {
  start();
  ASSERT_TRUE(memory->put(test::batch_of({"a", "b"})).has_value());
  auto samples = parse_prometheus(registry->prometheus_text());
  EXPECT_EQ(samples.at("spillway_channel_events{component=\"c1\"}"), "2");
  EXPECT_EQ(samples.at("spillway_channel_capacity_events{component=\"c1\"}"), "8");
  EXPECT_EQ(samples.at("spillway_channel_fill_ratio{component=\"c1\"}"), "0.25");
  EXPECT_EQ(samples.at("spillway_channel_fake_depth{component=\"c1\"}"), "2");
  EXPECT_EQ(samples.at("spillway_source_events_received_total{component=\"r1\"}"), "0");
  EXPECT_EQ(samples.at("spillway_sink_deliver_duration_seconds_count{component=\"k1\"}"), "0");
  EXPECT_EQ(samples.count("process_open_fds"), 1U);
  EXPECT_THAT(registry->prometheus_text(), HasSubstr("spillway_build_info{version=\""));
}

TEST(MetricFamiliesTest, SamplesOfAFamilyAreTogetherHoweverTheyCame) {
  MetricFamilies families;
  families.add_gauge("b", "B.", {{"component", "x"}}, 1);
  families.add_gauge("a", "A.", {}, 2);
  families.add_gauge("b", "B.", {{"component", "y"}}, 3);
  EXPECT_EQ(families.text(),
            "# HELP a A.\n# TYPE a gauge\na 2\n"
            "# HELP b B.\n# TYPE b gauge\nb{component=\"x\"} 1\nb{component=\"y\"} 3\n");
}

TEST(MetricFamiliesTest, HostileNamesLabelsAndHelpStayWellFormed) {
  MetricFamilies families;
  families.add_gauge("0 bad-name", "line\nbreak \\ \"quote\"", {{"a-b", "x\"y\\z\nw"}}, 1.5);
  families.add_counter("no_suffix", "", {}, 1);
  const auto samples = parse_prometheus(families.text());
  EXPECT_EQ(samples.at("_0_bad_name{a_b=\"x\\\"y\\\\z\\nw\"}"), "1.5");
  EXPECT_EQ(samples.at("no_suffix_total"), "1");
}

TEST(MetricFamiliesTest, SampleThatWouldContradictAnotherIsLeftOut) {
  MetricFamilies families;
  families.add_counter("a_total", "A.", {}, 1);
  families.add_counter("a_total", "A.", {}, 2);
  families.add_gauge("a_total", "A.", {{"b", "c"}}, 3);
  const auto samples = parse_prometheus(families.text());
  EXPECT_EQ(samples.size(), 1U);
  EXPECT_EQ(samples.at("a_total"), "1");
}

TEST(MetricFamiliesTest, HistogramsBecomeSummariesInSeconds) {
  MetricFamilies families;
  ComponentMetrics out(families, "p_", {{"component", "k1"}});
  Histogram histogram;
  for (int i = 0; i < 100; ++i) histogram.record(1'000'000'000);
  out.histogram("wait_ns", "Waiting.", histogram);
  out.gauge("age_ms", "Age.", 1500);
  const auto samples = parse_prometheus(families.text());
  EXPECT_EQ(samples.at("p_wait_seconds{component=\"k1\",quantile=\"0.5\"}"), "1");
  EXPECT_EQ(samples.at("p_wait_seconds{component=\"k1\",quantile=\"0.999\"}"), "1");
  EXPECT_EQ(samples.at("p_wait_seconds_sum{component=\"k1\"}"), "100");
  EXPECT_EQ(samples.at("p_wait_seconds_count{component=\"k1\"}"), "100");
  EXPECT_EQ(samples.at("p_age_seconds{component=\"k1\"}"), "1.5");
}

}  // namespace
}  // namespace spillway::agent
