// Promise: a configuration that cannot mean what was intended is refused before anything starts,
// with the file, the line, the key and what to do, all mistakes in one go.
#include "agent/agent_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "agent/variables.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Right as it stands; tests append to it or replace a line.
constexpr std::string_view kGood =
    "a1.sources = r1\n"                           // 1
    "a1.channels = c1\n"                          // 2
    "a1.sinks = k1\n"                             // 3
    "a1.sources.r1.type = seq\n"                  // 4
    "a1.sources.r1.channels = c1\n"               // 5
    "a1.sources.r1.batchSize = 10\n"              // 6
    "a1.channels.c1.type = memory\n"              // 7
    "a1.channels.c1.capacity = 1000\n"            // 8
    "a1.channels.c1.transactionCapacity = 100\n"  // 9
    "a1.sinks.k1.type = null\n"                   // 10
    "a1.sinks.k1.channel = c1\n";                 // 11

std::string good_but(std::string_view line, std::string_view replacement) {
  std::string text(kGood);
  const std::size_t at = text.find(line);
  EXPECT_NE(at, std::string::npos) << line;
  return text.replace(at, line.size(), replacement);
}

LoadedAgent load(std::string_view text, std::string_view agent = "a1") {
  ConfigText config;
  config.files = {"f"};
  config.properties = parse_properties(text, "f", config.problems);
  return validate_agent(config, agent);
}

std::vector<std::string> problems_of(std::string_view text, std::string_view agent = "a1") {
  std::vector<std::string> lines;
  for (const ConfigProblem& problem : load(text, agent).problems) {
    lines.push_back(to_string(problem));
  }
  return lines;
}

TEST(AgentConfigTest, AGoodConfigurationIsWired) {
  const LoadedAgent good = load(kGood);
  EXPECT_THAT(good.problems, IsEmpty());
  EXPECT_EQ(good.agent.name, "a1");
  ASSERT_EQ(good.agent.channels.size(), 1U);
  EXPECT_EQ(good.agent.channels[0].name, "c1");
  EXPECT_EQ(good.agent.channels[0].type->name, "memory");
  EXPECT_EQ(good.agent.channels[0].origin.line, 7U);
  EXPECT_EQ(good.agent.channels[0].config.count("capacity"), 1000U);
  ASSERT_EQ(good.agent.sources.size(), 1U);
  EXPECT_EQ(good.agent.sources[0].type->name, "seq");
  EXPECT_EQ(good.agent.sources[0].config.count("batchSize"), 10U);
  EXPECT_THAT(good.agent.sources[0].required_channels, ElementsAre(0U));
  EXPECT_THAT(good.agent.sources[0].optional_channels, IsEmpty());
  EXPECT_EQ(good.agent.sources[0].runner.millis("maxBackoffSleep"), 5000U);
  ASSERT_EQ(good.agent.sinks.size(), 1U);
  EXPECT_EQ(good.agent.sinks[0].type->name, "null");
  EXPECT_EQ(good.agent.sinks[0].channel, 0U);
}

TEST(AgentConfigTest, ComponentsKeepTheOrderOfTheirList) {
  const LoadedAgent loaded = load(
      "a1.channels = z b\na1.sources = r\n"
      "a1.channels.b.type = memory\na1.channels.z.type = MEMORY\n"
      "a1.sources.r.type = org.apache.flume.source.SequenceGeneratorSource\n"
      "a1.sources.r.channels = b   z\na1.sources.r.selector.type = REPLICATING\n"
      "a1.sources.r.selector.optional = b\n"
      "a1.sinks = k l\n"
      "a1.sinks.k.type = null\na1.sinks.k.channel = b\n"
      "a1.sinks.l.type = Null\na1.sinks.l.channel = z\n");
  EXPECT_THAT(loaded.problems, IsEmpty());
  ASSERT_EQ(loaded.agent.channels.size(), 2U);
  EXPECT_EQ(loaded.agent.channels[0].name, "z");
  EXPECT_EQ(loaded.agent.channels[1].name, "b");
  EXPECT_THAT(loaded.agent.sources[0].required_channels, ElementsAre(0U));
  EXPECT_THAT(loaded.agent.sources[0].optional_channels, ElementsAre(1U));
  EXPECT_EQ(loaded.agent.sinks[0].channel, 1U);
  EXPECT_EQ(loaded.agent.sinks[1].channel, 0U);
}

TEST(AgentConfigTest, ValuesAreTrimmed) {
  const LoadedAgent loaded = load(good_but("= 10\n", "= 10 \t\n"));
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_EQ(loaded.agent.sources[0].config.count("batchSize"), 10U);
}

struct WrongCase {
  const char* name;
  std::string text;
  std::vector<std::string> problems;
};

void PrintTo(const WrongCase& wrong, std::ostream* out) {
  *out << wrong.name;
}

const std::string kOk(kGood);

const WrongCase kWrong[] = {
    {"UnknownKey",
     good_but("c1.capacity", "c1.capcity"),
     {"f:8: a1.channels.c1.capcity: unknown option; did you mean \"capacity\"?"}},
    {"UnknownKeyOfTheRunner",
     good_but("r1.channels", "r1.chanels"),
     {"f:4: a1.sources.r1.channels: required option is missing",
      "f:5: a1.sources.r1.chanels: unknown option; did you mean \"channels\"?"}},
    {"SinkWithChannels",
     good_but("k1.channel ", "k1.channels "),
     {"f:10: a1.sinks.k1.channel: required option is missing",
      "f:11: a1.sinks.k1.channels: unknown option; did you mean \"channel\"?"}},
    {"MissingChannel",
     good_but("k1.channel = c1", "k1.channel = c2"),
     {"f:11: a1.sinks.k1.channel: there is no channel \"c2\"; did you mean \"c1\"?"}},
    {"MissingChannelOfASource",
     good_but("r1.channels = c1", "r1.channels = c1 disk"),
     {"f:5: a1.sources.r1.channels: there is no channel \"disk\""}},
    {"SourceWithoutChannels",
     good_but("a1.sources.r1.channels = c1\n", "\n"),
     {"f:4: a1.sources.r1.channels: required option is missing"}},
    {"ChannelNamedTwiceByASource",
     good_but("r1.channels = c1", "r1.channels = c1 c1"),
     {"f:5: a1.sources.r1.channels: \"c1\" is named twice"}},
    {"SinkWithTwoChannels",
     good_but("k1.channel = c1", "k1.channel = c1 c2"),
     {"f:11: a1.sinks.k1.channel: \"c1 c2\": a sink takes from exactly one channel"}},
    {"BadNumber",
     good_but("= 1000", "= 1,000"),
     {"f:8: a1.channels.c1.capacity: \"1,000\" is not a whole number"}},
    {"EmptyValue",
     good_but("= 1000", "="),
     {"f:8: a1.channels.c1.capacity: has no value; write one, or remove the key for the default"}},
    {"DuplicateName",
     good_but("a1.sources = r1", "a1.sources = r1 r1"),
     {"f:1: a1.sources: \"r1\" is listed twice"}},
    {"DuplicateKey",
     kOk + "a1.channels.c1.capacity = 2000\n",
     {"f:12: a1.channels.c1.capacity: is defined twice; the first definition is in line 8"}},
    {"SourceBatchLargerThanTransactionCapacity",
     good_but("batchSize = 10", "batchSize = 101"),
     {"f:6: a1.sources.r1.batchSize: a batch of 101 events does not fit the transactionCapacity of "
      "100 of channel \"c1\"; lower the one or raise the other"}},
    {"DefaultBatchLargerThanTransactionCapacity",
     good_but("transactionCapacity = 100", "transactionCapacity = 99"),
     {"f:10: a1.sinks.k1.batchSize: a batch of 100 events does not fit the transactionCapacity of "
      "99 of channel \"c1\"; lower the one or raise the other"}},
    {"TransactionCapacityLargerThanCapacity",
     good_but("transactionCapacity = 100", "transactionCapacity = 1001"),
     {"f:9: a1.channels.c1.transactionCapacity: the transactionCapacity of 1001 is larger than the "
      "capacity of 1000"}},
    {"ListedAndNotConfigured",
     good_but("a1.sinks = k1", "a1.sinks = k1 k2"),
     {"f:3: a1.sinks: \"k2\" is listed and not configured; write a1.sinks.k2.type = …"}},
    {"ChannelListedAndNotConfiguredIsSaidOnce",
     good_but("k1.channel = c1", "k1.channel = c2") + "a1.channels.c3.type = memory\n",
     {"f:11: a1.sinks.k1.channel: there is no channel \"c2\"; did you mean \"c1\"?",
      "f:12: a1.channels.c3: is configured and not listed; add \"c3\" to a1.channels"}},
    {"MistypedComponent",
     good_but("a1.sinks.k1.type = null\na1.sinks.k1.channel",
              "a1.sinks.kk1.type = null\na1.sinks.kk1.channel"),
     {"f:3: a1.sinks: \"k1\" is listed and not configured; write a1.sinks.k1.type = …",
      "f:10: a1.sinks.kk1: is configured and not listed; add \"kk1\" to a1.sinks; did you mean "
      "\"k1\"?"}},
    {"NoType",
     good_but("a1.channels.c1.type = memory\n", "\n"),
     {"f:8: a1.channels.c1.type: required option is missing"}},
    {"MistypedType",
     good_but("= memory", "= memroy"),
     {"f:7: a1.channels.c1.type: \"memroy\" is not a channel type; did you mean \"memory\"?"}},
    {"UnknownSection",
     kOk + "a1.sink.k1.batchSize = 1\n",
     {"f:12: a1.sink.k1.batchSize: \"sink\" is none of sources, channels, sinks, sinkgroups; "
      "did you mean \"sinks\"?"}},
    {"KeyWithoutAgent",
     kOk + "capacity = 1\n",
     {"f:12: capacity: a key begins with an agent's name: <agent>.sources = …"}},
    {"KeyWithoutOption",
     kOk + "a1.sinks.k1 = null\n",
     {"f:12: a1.sinks.k1: a sink's key has a name and an option: a1.sinks.<name>.<option>"}},
    {"EmptyList",
     good_but("a1.sinks = k1", "a1.sinks ="),
     {"f:3: a1.sinks: lists no name; add one, or remove the key",
      "f:10: a1.sinks.k1: is configured and not listed; add \"k1\" to a1.sinks"}},
    {"EmptySinkGroups",
     kOk + "a1.sinkgroups =\n",
     {"f:12: a1.sinkgroups: lists no name; add one, or remove the key"}},
    {"SinkGroupOfUnknownType",
     kOk + "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1\na1.sinkgroups.g.processor.type = "
           "failovr\n",
     {"f:14: a1.sinkgroups.g.processor.type: \"failovr\" is not a sink processor type; did you "
      "mean \"failover\"?"}},
    {"SinkGroupWithoutSinks",
     kOk + "a1.sinkgroups = g\na1.sinkgroups.g.processor.type = failover\n",
     {"f:13: a1.sinkgroups.g.sinks: required option is missing"}},
    {"SinkGroupOfNobody",
     kOk + "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k2\n",
     {"f:13: a1.sinkgroups.g.sinks: there is no sink \"k2\"; did you mean \"k1\"?"}},
    {"SinkGroupThatIsNotConfigured",
     kOk + "a1.sinkgroups = g\n",
     {"f:12: a1.sinkgroups: \"g\" is listed and not configured; write a1.sinkgroups.g.sinks = …"}},
    {"SinkInTwoGroups",
     kOk + "a1.sinkgroups = g h\na1.sinkgroups.g.sinks = k1\na1.sinkgroups.h.sinks = k1\n",
     {"f:14: a1.sinkgroups.h.sinks: \"k1\" is in the group \"g\" already"}},
    {"SinkTwiceInAGroup",
     kOk + "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1 k1\na1.sinkgroups.g.processor.type = "
           "failover\n",
     {"f:13: a1.sinkgroups.g.sinks: \"k1\" is named twice"}},
    {"LoadBalanceWithOneSink",
     kOk + "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1\na1.sinkgroups.g.processor.type = "
           "load_balance\n",
     {"f:14: a1.sinkgroups.g.processor.type: load_balance needs more than one sink"}},
    {"MisspeltProcessorOption",
     kOk + "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1\na1.sinkgroups.g.processor.type = "
           "failover\na1.sinkgroups.g.processor.maxPenalty = 1\n",
     {"f:15: a1.sinkgroups.g.processor.maxPenalty: unknown option; did you mean \"maxpenalty\"?"}},
    {"PriorityOfAForeignSink",
     kOk + "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1\na1.sinkgroups.g.processor.type = "
           "failover\na1.sinkgroups.g.processor.priority.k2 = 1\n"
           "a1.sinkgroups.g.processor.priority.k1 = high\n",
     {"f:15: a1.sinkgroups.g.processor.priority.k2: \"k2\" is none of the group's sinks; did you "
      "mean \"k1\"?",
      "f:16: a1.sinkgroups.g.processor.priority.k1: \"high\" is not a whole number"}},
    {"InterceptorOfUnknownType",
     kOk + "a1.sources.r1.interceptors = i\na1.sources.r1.interceptors.i.type = hots\n",
     {"f:13: a1.sources.r1.interceptors.i.type: \"hots\" is not an interceptor type; did you mean "
      "\"host\"?"}},
    {"InterceptorWithoutType",
     kOk + "a1.sources.r1.interceptors = i\na1.sources.r1.interceptors.i.key = x\n",
     {"f:13: a1.sources.r1.interceptors.i.type: required option is missing"}},
    {"InterceptorListedAndNotConfigured",
     kOk + "a1.sources.r1.interceptors = i1\na1.sources.r1.interceptors.i.type = host\n",
     {"f:12: a1.sources.r1.interceptors: \"i1\" is listed and not configured; write "
      "a1.sources.r1.interceptors.i1.type = …",
      "f:13: a1.sources.r1.interceptors.i: is configured and not listed; add \"i\" to "
      "a1.sources.r1.interceptors; did you mean \"i1\"?"}},
    {"MisspeltInterceptorOption",
     kOk + "a1.sources.r1.interceptors = i\na1.sources.r1.interceptors.i.type = host\n"
           "a1.sources.r1.interceptors.i.useIp = false\n",
     {"f:14: a1.sources.r1.interceptors.i.useIp: unknown option; did you mean \"useIP\"?"}},
    {"RejectedChannelOfAnInterceptorThatDropsNothing",
     kOk + "a1.sources.r1.interceptors = i\na1.sources.r1.interceptors.i.type = host\n"
           "a1.sources.r1.interceptors.i.rejectedChannel = c1\n",
     {"f:14: a1.sources.r1.interceptors.i.rejectedChannel: \"host\" drops no events: there is "
      "nothing to send"}},
    {"UnknownSelector",
     kOk + "a1.sources.r1.selector.type = multiplexor\na1.sources.r1.selector.header = h\n",
     {"f:12: a1.sources.r1.selector.type: \"multiplexor\" is not a selector type; did you mean "
      "\"multiplexing\"?"}},
    {"MappingToAForeignChannel",
     kOk + "a1.sources.r1.selector.type = multiplexing\na1.sources.r1.selector.header = h\n"
           "a1.sources.r1.selector.mapping.x = c1 c2\na1.sources.r1.selector.default = c1 c1\n",
     {"f:14: a1.sources.r1.selector.mapping.x: \"c2\" is none of the source's channels; did you "
      "mean \"c1\"?",
      "f:15: a1.sources.r1.selector.default: \"c1\" is named twice"}},
    {"OptionOfAnotherSelector",
     kOk + "a1.sources.r1.selector.header = h\n",
     {"f:12: a1.sources.r1.selector.header: unknown option"}},
    {"OptionalChannelOfSomebodyElse",
     kOk + "a1.sources.r1.selector.optional = c1 c7\n",
     {"f:12: a1.sources.r1.selector.optional: \"c7\" is none of the source's channels; did you "
      "mean "
      "\"c1\"?"}},
    {"NothingToRun",
     "a1.channels = c1\na1.channels.c1.type = memory\n",
     {"f:1: a1: the agent has neither a source nor a sink",
      "f:2: a1.channels.c1: notice: no source and no sink uses this channel"}},
    {"NoChannel",
     "a1.sources = r1\na1.sources.r1.type = seq\na1.sources.r1.channels = c1\n",
     {"f:1: a1.channels: the agent has no channel; list at least one",
      "f:3: a1.sources.r1.channels: there is no channel \"c1\""}},
    {"UnreadableLineInAnotherAgent",
     kOk + "b1.x = \\u12\n",
     {"f:12: b1.x: the value contains \\u without four hexadecimal digits"}},
};

class WrongConfigTest : public ::testing::TestWithParam<WrongCase> {};

TEST_P(WrongConfigTest, IsRefusedWithPlaceReasonAndAdvice) {
  EXPECT_EQ(problems_of(GetParam().text), GetParam().problems);
  EXPECT_TRUE(has_errors(load(GetParam().text).problems));
}

INSTANTIATE_TEST_SUITE_P(Table, WrongConfigTest, ::testing::ValuesIn(kWrong),
                         [](const auto& test) { return std::string(test.param.name); });

TEST(AgentConfigTest, AFlumeTypeThisBuildLacksIsToldApartFromATypingError) {
  const auto refusal_of = [](std::string_view type) {
    const auto problems = problems_of(good_but("= null", "= " + std::string(type)));
    EXPECT_EQ(problems.size(), 1U);
    return problems.empty() ? std::string{} : problems.front();
  };
  EXPECT_THAT(refusal_of("irc"), HasSubstr("\"irc\" is a Flume sink type that this build does not "
                                           "have; use an http sink towards a chat's web hook; "
                                           "it has: file_roll"));
  EXPECT_THAT(refusal_of("HDFS"), HasSubstr("load them with hdfs dfs -put"));
  EXPECT_THAT(refusal_of("org.apache.flume.sink.kafka.KafkaSink"), HasSubstr("kcat -P"));
  EXPECT_THAT(refusal_of("org.apache.flume.sink.kudu.KuduSink"), HasSubstr("is a Flume sink type"));
  EXPECT_THAT(refusal_of("org.apache.flume.sink.NulSink"),
              HasSubstr("did you mean \"org.apache.flume.sink.NullSink\"?"));
  EXPECT_THAT(refusal_of("loger"), HasSubstr("did you mean \"logger\"?"));
  EXPECT_THAT(refusal_of("com.example.MySink"), HasSubstr("Java classes cannot be loaded"));
  EXPECT_THAT(refusal_of("qqqqqqqq"), HasSubstr("is not a sink type; this build has: file_roll"));
}

TEST(AgentConfigTest, MistakesOfAllKindsAreReportedTogetherInFileOrder) {
  EXPECT_THAT(problems_of("a1.sources = r1\n"
                          "a1.sources.r1.type = seq\n"
                          "a1.sources.r1.channels = c1\n"
                          "a1.sources.r1.batchSize = many\n"
                          "a1.channels = c1\n"
                          "a1.channels.c1.type = memory\n"
                          "a1.channels.c1.colour = red\n"
                          "a1.sinks = k1\n"
                          "a1.sinks.k1.type = nul\n"
                          "a1.sinks.k1.channel = c0\n"
                          "x\n"),
              ElementsAre(HasSubstr("f:4: a1.sources.r1.batchSize: \"many\""),
                          HasSubstr("f:7: a1.channels.c1.colour: unknown option"),
                          HasSubstr("f:9: a1.sinks.k1.type: \"nul\" is not a sink type"),
                          HasSubstr("f:10: a1.sinks.k1.channel: there is no channel \"c0\""),
                          HasSubstr("f:11: x: a key begins with")));
}

TEST(AgentConfigTest, ClassNamesOfSelectorsInterceptorsAndProcessorsAreAccepted) {
  const LoadedAgent loaded = load(
      kOk +
      "a1.sources.r1.selector.type = org.apache.flume.channel.MultiplexingChannelSelector\n"
      "a1.sources.r1.selector.default = c1\n"
      "a1.sources.r1.interceptors = i j\n"
      "a1.sources.r1.interceptors.i.type = org.apache.flume.interceptor.HostInterceptor$Builder\n"
      "a1.sources.r1.interceptors.j.type = org.apache.flume.interceptor.StaticInterceptor\n"
      "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1\n"
      "a1.sinkgroups.g.processor.type = org.apache.flume.sink.FailoverSinkProcessor\n"
      "a1.sinkgroups.g.processor.priority.k1 = -5\n");
  EXPECT_THAT(loaded.problems, IsEmpty());
  const SourceConfig& source = loaded.agent.sources.front();
  EXPECT_EQ(source.selector.type->name, "multiplexing");
  EXPECT_THAT(source.required_channels, ElementsAre(0U));
  ASSERT_EQ(source.interceptors.size(), 2U);
  EXPECT_EQ(source.interceptors[0].type->name, "host");
  EXPECT_EQ(source.interceptors[1].type->name, "static");
  ASSERT_EQ(loaded.agent.sink_groups.size(), 1U);
  EXPECT_EQ(loaded.agent.sink_groups[0].type->name, "failover");
  EXPECT_THAT(loaded.agent.sink_groups[0].sinks, ElementsAre(0U));
}

TEST(AgentConfigTest, EqualPrioritiesAreRefused) {
  std::string text = good_but("a1.sinks = k1", "a1.sinks = k1 k2");
  text +=
      "a1.sinks.k2.type = null\na1.sinks.k2.channel = c1\n"
      "a1.sinkgroups = g\na1.sinkgroups.g.sinks = k1 k2\n"
      "a1.sinkgroups.g.processor.type = failover\n"
      "a1.sinkgroups.g.processor.priority.k1 = 5\n"
      "a1.sinkgroups.g.processor.priority.k2 = 5\n";
  EXPECT_THAT(problems_of(text),
              ElementsAre("f:18: a1.sinkgroups.g.processor.priority.k2: 5 is the priority of "
                          "\"k1\" already"));
}

TEST(AgentConfigTest, AChannelTheSelectorNeverChoosesIsANotice) {
  std::string text = good_but("a1.channels = c1", "a1.channels = c1 c2");
  text += "a1.channels.c2.type = memory\na1.sources.r1.channels = c1 c2\n";
  text = std::string(text).replace(text.find("a1.sources.r1.channels = c1\n"), 28, "");
  text +=
      "a1.sources.r1.selector.type = multiplexing\na1.sources.r1.selector.mapping.x = c1\n"
      "a1.sinks.k1.channel = c1\n";
  const std::size_t first = text.find("a1.sinks.k1.channel = c1\n");
  text.replace(first, 25, "");
  const auto problems = problems_of(text);
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_THAT(problems[0],
              HasSubstr("a1.channels.c2: notice: no source and no sink uses this channel"));
}

TEST(AgentConfigTest, OnlyTheNamedAgentIsValidated) {
  const std::string text = kOk + "b1.sources = x\nb1.nonsense.y = 1\nb1.sources = x\n";
  EXPECT_THAT(problems_of(text, "a1"), IsEmpty());
  EXPECT_EQ(problems_of(text, "b1").size(), 4U);
  EXPECT_THAT(problems_of(text, "a2"),
              ElementsAre("f: no agent \"a2\" is configured; there is: a1, b1; did you mean "
                          "\"a1\"?"));
  EXPECT_THAT(problems_of("# nothing\n"),
              ElementsAre("f: no agent \"a1\" is configured; there are no keys at all"));
}

TEST(AgentConfigTest, AVariableOfAnotherAgentIsNoProblem) {
  ConfigText config;
  config.files = {"f"};
  const std::string text = std::string(kGood) + "a2.sources = r1\na2.sources.r1.type = ${env:X}\n";
  config.properties = parse_properties(text, "f", config.problems);
  VariableSources sources;
  sources.environment = [](const std::string&) { return std::nullopt; };
  resolve_variables(config, sources);
  EXPECT_THAT(validate_agent(config, "a1").problems, IsEmpty());
  EXPECT_TRUE(has_errors(validate_agent(config, "a2").problems));
}

TEST(AgentConfigTest, NoChannelsAreRefusedWhateverTheSelector) {
  for (const char* const selector : {"load_balancing", "replicating", "multiplexing"}) {
    const std::string text =
        good_but("a1.sources.r1.channels = c1\n", "a1.sources.r1.channels =\n") +
        "a1.sources.r1.selector.type = " + selector + "\n";
    EXPECT_TRUE(has_errors(load(text).problems)) << selector;
  }
}

TEST(AgentConfigTest, AChannelNobodyEmptiesIsANotice) {
  const LoadedAgent loaded = load(
      "a1.sources = r1\na1.channels = c1\n"
      "a1.sources.r1.type = seq\na1.sources.r1.channels = c1\n"
      "a1.channels.c1.type = memory\n");
  EXPECT_FALSE(has_errors(loaded.problems));
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(to_string(loaded.problems[0]),
            "f:5: a1.channels.c1: notice: no sink takes from this channel: it fills up");
}

TEST(AgentConfigTest, TwoChannelsOnOneDirectoryAreRefused) {
  const std::string two =
      "a1.channels = c1 c2\na1.sources = r\na1.sinks = k l\n"
      "a1.sources.r.type = seq\na1.sources.r.channels = c1 c2\n"
      "a1.sinks.k.type = null\na1.sinks.k.channel = c1\n"
      "a1.sinks.l.type = null\na1.sinks.l.channel = c2\n"
      "a1.channels.c1.type = file\na1.channels.c2.type = file\n"
      "a1.channels.c1.checkpointDir = /data/c1/checkpoint\n"
      "a1.channels.c1.dataDirs = /data/1, /data/2/\n";
  EXPECT_THAT(problems_of(two + "a1.channels.c2.checkpointDir = /data/c2/checkpoint\n"
                                "a1.channels.c2.dataDirs = /data/3,/data/4\n"),
              IsEmpty());
  EXPECT_THAT(problems_of(two + "a1.channels.c2.checkpointDir = /data/./c1/checkpoint/\n"
                                "a1.channels.c2.dataDirs = /data/3,/data/2\n"),
              ElementsAre("f:14: a1.channels.c2.checkpointDir: \"/data/c1/checkpoint\" belongs to "
                          "a1.channels.c1.checkpointDir already",
                          "f:15: a1.channels.c2.dataDirs: \"/data/2\" belongs to "
                          "a1.channels.c1.dataDirs already"));
}

TEST(AgentConfigTest, TwoFileChannelsCannotShareTheDefaultDirectories) {
  const auto problems = problems_of(
      "a1.channels = c1 c2\na1.sources = r\na1.sinks = k l\n"
      "a1.sources.r.type = seq\na1.sources.r.channels = c1 c2\n"
      "a1.sinks.k.type = null\na1.sinks.k.channel = c1\n"
      "a1.sinks.l.type = null\na1.sinks.l.channel = c2\n"
      "a1.channels.c1.type = file\na1.channels.c2.type = file\n");
  EXPECT_THAT(problems, ElementsAre(HasSubstr("f:11: a1.channels.c2.checkpointDir: "),
                                    HasSubstr("f:11: a1.channels.c2.dataDirs: ")));
}

TEST(AgentConfigTest, ALaterFileReplacesKeysOfAnEarlierOne) {
  const test::TempDir dir;
  const std::string base = dir.write("base.conf", kGood);
  const std::string site = dir.write("site.conf", "a1.channels.c1.capacity = 5000\n");
  const LoadedAgent loaded = load_agent_config({base, site}, "a1");
  EXPECT_THAT(loaded.problems, IsEmpty());
  EXPECT_EQ(loaded.agent.channels[0].config.count("capacity"), 5000U);
  EXPECT_EQ(loaded.agent.channels[0].config.origin("capacity").file, site);
}

TEST(AgentConfigTest, AFileThatCannotBeReadIsTheOnlyProblem) {
  const test::TempDir dir;
  const std::string path = dir.file("missing.conf");
  const LoadedAgent loaded = load_agent_config({path}, "a1");
  ASSERT_EQ(loaded.problems.size(), 1U);
  EXPECT_EQ(to_string(loaded.problems[0]),
            path + ": cannot read the file: No such file or directory");
}

}  // namespace
}  // namespace spillway::agent
