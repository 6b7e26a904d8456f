// Promise: each interceptor does to an event what Flume's does, option by option; a chain keeps
// their order, and copies nothing that it does not change.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/interceptor_chain.h"
#include "agent/regex.h"
#include "agent/registry.h"
#include "channel/event_batch.h"
#include "tests/support/event_views.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using channel::EventBatch;
using channel::HeaderView;
using test::FakeClock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Values = std::map<std::string, std::string>;
using Headers = std::map<std::string, std::string>;

struct Event {
  Headers headers;
  std::string body;
  friend bool operator==(const Event&, const Event&) = default;
};

std::vector<Event> events_of(const EventBatch& batch) {
  std::vector<Event> events;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    Event event{.headers = {}, .body = std::string(batch[i].body())};
    batch[i].for_each_header(
        [&](const HeaderView& header) { event.headers.emplace(header.key, header.value); });
    events.push_back(std::move(event));
  }
  return events;
}

struct InterceptorsTest : testing::Test {
  void add(const InterceptorType& type, const Values& values,
           std::optional<std::size_t> rejected_to = {}) {
    const Config config = Config::of(type.options, values);
    if (type.check != nullptr) {
      for (const OptionProblem& problem : type.check(config)) {
        ADD_FAILURE() << problem.option << ": " << problem.reason;
      }
    }
    links.push_back({.name = "i" + std::to_string(links.size() + 1),
                     .interceptor = type.create({.name = "i", .clock = &clock}, config),
                     .rejected_to = rejected_to});
  }
  std::vector<Event> pass(const EventBatch& batch) {
    if (chain == nullptr) chain = std::make_unique<InterceptorChain>(std::move(links), clock);
    EXPECT_TRUE(chain->begin_batch().has_value());
    return events_of(chain->intercept(batch).kept());
  }
  Event pass(const std::vector<HeaderView>& headers, std::string_view body) {
    EventBatch batch;
    batch.add(headers, body);
    auto events = pass(batch);
    return events.empty() ? Event{.headers = {}, .body = "(dropped)"} : std::move(events.front());
  }
  std::map<std::string, std::uint64_t> counters_of(const std::string& name) {
    std::map<std::string, std::uint64_t> counters;
    chain->for_each([&](const std::string& link, const auto& publish_to) {
      struct Published {
        const std::remove_reference_t<decltype(publish_to)>& publish;
        void collect(MetricSink& sink) const { publish(sink); }
      };
      if (link == name) counters = test::RecordedMetrics(Published{publish_to}).counters;
    });
    return counters;
  }

  FakeClock clock;
  std::vector<InterceptorChain::Link> links;
  std::unique_ptr<InterceptorChain> chain;
};

std::vector<std::string> refusals(const InterceptorType& type, const Values& values) {
  std::vector<std::string> lines;
  for (const OptionProblem& problem : type.check(Config::of(type.options, values))) {
    lines.push_back(problem.option + ": " + problem.reason);
  }
  return lines;
}

TEST_F(InterceptorsTest, TimestampReplacesByDefault) {
  add(kTimestampInterceptor, {});
  EXPECT_EQ(pass({{"a", "1"}, {"timestamp", "5"}}, "x"),
            (Event{{{"a", "1"}, {"timestamp", "1700000000000"}}, "x"}));
  clock.advance(std::chrono::milliseconds(7));
  EXPECT_EQ(pass({}, "x").headers.at("timestamp"), "1700000000007");
}

TEST_F(InterceptorsTest, TimestampMayKeepWhatIsThere) {
  add(kTimestampInterceptor, {{"preserveExisting", "true"}, {"headerName", "ts"}});
  EXPECT_EQ(pass({{"ts", ""}}, "x").headers, (Headers{{"ts", ""}}));
  EXPECT_EQ(pass({}, "x").headers, (Headers{{"ts", "1700000000000"}}));
}

TEST_F(InterceptorsTest, StaticKeepsWhatIsThereByDefault) {
  add(kStaticInterceptor, {});
  EXPECT_EQ(pass({{"key", "mine"}}, "x").headers, (Headers{{"key", "mine"}}));
  EXPECT_EQ(pass({}, "x").headers, (Headers{{"key", "value"}}));
}

TEST_F(InterceptorsTest, BookmarkStaysWithWhatIsKept) {
  add(kStaticInterceptor, {});
  chain = std::make_unique<InterceptorChain>(std::move(links), clock);
  for (const char* const value : {"one", "two"}) {
    EventBatch batch;
    batch.add("x");
    batch.set_bookmark({.key = "r1", .value = value});
    const auto pass = chain->intercept(batch);
    ASSERT_TRUE(pass.kept().bookmark().has_value());
    EXPECT_EQ(pass.kept().bookmark()->value, value);
  }
  EventBatch without;
  without.add("x");
  EXPECT_FALSE(chain->intercept(without).kept().bookmark().has_value());
}

TEST_F(InterceptorsTest, StaticMayReplace) {
  add(kStaticInterceptor, {{"preserveExisting", "false"}, {"key", "dc"}, {"value", "NYC"}});
  EXPECT_EQ(pass({{"dc", "mine"}}, "x").headers, (Headers{{"dc", "NYC"}}));
}

TEST_F(InterceptorsTest, HostIsTheAddressByDefaultAndReplaces) {
  add(kHostInterceptor, {});
  const std::string host = pass({{"host", "other"}}, "x").headers.at("host");
  EXPECT_NE(host, "other");
  EXPECT_EQ(host.find_first_not_of("0123456789.abcdef:%"), std::string::npos) << host;
}

TEST_F(InterceptorsTest, HostMayBeTheNameAndKeepWhatIsThere) {
  add(kHostInterceptor, {{"useIP", "false"}, {"hostHeader", "h"}, {"preserveExisting", "true"}});
  EXPECT_EQ(pass({{"h", "other"}}, "x").headers, (Headers{{"h", "other"}}));
  std::array<char, 256> name{};
  ASSERT_EQ(::gethostname(name.data(), name.size() - 1), 0);
  EXPECT_THAT(pass({}, "x").headers.at("h"), testing::StartsWith(name.data()));
}

TEST_F(InterceptorsTest, UuidIsRandomVersionFourAndKeepsWhatIsThere) {
  add(kUuidInterceptor, {{"prefix", "p-"}});
  EXPECT_EQ(pass({{"id", "mine"}}, "x").headers, (Headers{{"id", "mine"}}));
  const auto form =
      Regex::compile("p-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  ASSERT_TRUE(form.has_value());
  std::set<std::string> seen;
  for (int i = 0; i < 100; ++i) {
    const std::string id = pass({}, "x").headers.at("id");
    EXPECT_TRUE(form.value().matches_all(id)) << id;
    EXPECT_TRUE(seen.insert(id).second);
  }
}

TEST_F(InterceptorsTest, RemoveHeaderTakesNamesListsAndWholeMatches) {
  add(kRemoveHeaderInterceptor, {{"withName", "a"}, {"fromList", "b , c"}, {"matching", "d.*|x"}});
  const Event event =
      pass({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"dd", "1"}, {"xx", "1"}, {"e", "1"}}, "body");
  EXPECT_EQ(event.headers, (Headers{{"xx", "1"}, {"e", "1"}}));  // full match: xx stays
  EXPECT_EQ(event.body, "body");
}

TEST_F(InterceptorsTest, RemoveHeaderSplitsItsListByAPattern) {
  add(kRemoveHeaderInterceptor, {{"fromList", "a::b:c"}, {"fromListSeparator", ":+"}});
  EXPECT_EQ(pass({{"a", "1"}, {"b", "1"}, {"c", "1"}, {"d", "1"}}, "").headers,
            (Headers{{"d", "1"}}));
}

TEST_F(InterceptorsTest, SearchReplaceIsJavasReplaceAll) {
  add(kSearchReplaceInterceptor,
      {{"searchPattern", R"((\w+)@(\w+))"}, {"replaceString", R"($2 at $1 \$1 \\)"}});
  EXPECT_EQ(pass({{"h", "v"}}, "to me@home, you@work!"),
            (Event{{{"h", "v"}}, R"(to home at me $1 \, work at you $1 \!)"}));
  EXPECT_EQ(pass({}, "nobody").body, "nobody");
}

TEST_F(InterceptorsTest, SearchReplaceWithoutAStringDeletes) {
  add(kSearchReplaceInterceptor, {{"searchPattern", "^[A-Za-z0-9_]+"}});
  EXPECT_EQ(pass({}, "abc_1 rest").body, " rest");
}

TEST_F(InterceptorsTest, SearchReplaceFindsEmptyMatchesBetweenCharacters) {
  add(kSearchReplaceInterceptor, {{"searchPattern", "x*"}, {"replaceString", "-"}});
  EXPECT_EQ(pass({}, "a\u00e9xxb").body, "-a-\u00e9--b-");  // as in Java
  EXPECT_EQ(pass({}, "").body, "-");
}

TEST_F(InterceptorsTest, SearchReplaceSeesBytesThatAreNoTextAsJavaDoes) {
  add(kSearchReplaceInterceptor, {{"searchPattern", "card=.*end"}, {"replaceString", "-"}});
  EXPECT_EQ(pass({}, "a card=1\xE9 end \xE9").body, "a - \uFFFD");
  EXPECT_EQ(pass({}, "a \xE9").body, "a \xE9");  // nothing is replaced
}

TEST_F(InterceptorsTest, SearchReplaceTwiceSeesTheFirstResult) {
  add(kSearchReplaceInterceptor, {{"searchPattern", "a"}, {"replaceString", "bb"}});
  add(kSearchReplaceInterceptor, {{"searchPattern", "b"}, {"replaceString", "c"}});
  add(kSearchReplaceInterceptor, {{"searchPattern", "cc"}, {"replaceString", "d"}});
  EXPECT_EQ(pass({}, "ab").body, "dc");
}

TEST_F(InterceptorsTest, SearchReplaceKeepsTheCharacterSet) {
  add(kSearchReplaceInterceptor,
      {{"searchPattern", "\u00e9"}, {"replaceString", "\u00fc\u20ac"}, {"charset", "ISO-8859-1"}});
  EXPECT_EQ(pass({}, "caf\xE9").body, "caf\xFC?");
  EXPECT_EQ(pass({}, "caf\xE8").body, "caf\xE8");
}

TEST_F(InterceptorsTest, SearchReplaceKnowsCharacterSetsOfJava) {
  add(kSearchReplaceInterceptor,
      {{"searchPattern", "\u4e2d"}, {"replaceString", "\u6587"}, {"charset", "GBK"}});
  EXPECT_EQ(pass({}, "\xD6\xD0!").body, "\xCE\xC4!");
}

TEST_F(InterceptorsTest, BytesThatAreNotUtf8PassUnchangedWhereNothingIsReplaced) {
  add(kSearchReplaceInterceptor, {{"searchPattern", "b"}, {"replaceString", "c"}});
  EXPECT_EQ(pass({}, std::string_view("a\xFF\0d", 4)).body, std::string("a\xFF\0d", 4));
}

TEST_F(InterceptorsTest, SearchReplaceRefusesWhatJavaRefuses) {
  EXPECT_THAT(refusals(kSearchReplaceInterceptor, {{"searchPattern", "a("}}),
              ElementsAre(HasSubstr("searchPattern: the regular expression is wrong")));
  for (const char* const bad : {"$1", "$", "a\\", "${name}", "${", "$x"}) {
    EXPECT_EQ(refusals(kSearchReplaceInterceptor, {{"searchPattern", "a"}, {"replaceString", bad}})
                  .size(),
              1U)
        << bad;
  }
  EXPECT_THAT(refusals(kSearchReplaceInterceptor,
                       {{"searchPattern", "(?<name>a)"}, {"replaceString", "${name}$12$0"}}),
              IsEmpty());
}

TEST_F(InterceptorsTest, RegexFilterLooksAnywhereInTheBody) {
  add(kRegexFilterInterceptor, {{"regex", "ERR|WARN"}});
  EXPECT_THAT(pass(test::batch_of({"an ERR here", "fine", "WARN", ""})),
              ElementsAre(Event{{}, "an ERR here"}, Event{{}, "WARN"}));
  EXPECT_EQ(counters_of("i1").at("dropped_events_total"), 2U);
}

TEST_F(InterceptorsTest, RegexFilterKeepsEverythingByDefault) {
  add(kRegexFilterInterceptor, {});
  EXPECT_EQ(pass(test::batch_of({"", "a\nb", "\xFF"})).size(), 3U);
}

TEST_F(InterceptorsTest, RegexFilterSeesBytesThatAreNoTextAsJavaDoes) {
  add(kRegexFilterInterceptor, {{"regex", "^\\d+ .* ERROR"}});
  EXPECT_THAT(pass(test::batch_of({"12 caf\xE9 ERROR x", "caf\xE9 ERROR"})),
              ElementsAre(Event{{}, "12 caf\xE9 ERROR x"}));
}

TEST_F(InterceptorsTest, RegexFilterMayExclude) {
  add(kRegexFilterInterceptor, {{"regex", "^DEBUG"}, {"excludeEvents", "true"}});
  EXPECT_THAT(pass(test::batch_of({"DEBUG x", "INFO DEBUG"})),
              ElementsAre(Event{{}, "INFO DEBUG"}));
}

TEST_F(InterceptorsTest, AMatchThatTakesTooLongIsNoneAndIsCounted) {
  add(kRegexFilterInterceptor, {{"regex", "(a|aa|aaa)+$"}});
  const std::string hard = std::string(4000, 'a') + "b";
  EXPECT_EQ(pass({}, hard).body, "(dropped)");
  EXPECT_EQ(counters_of("i1").at("gave_up_total"), 1U);
}

TEST_F(InterceptorsTest, ExtractorGivesGroupsToSerializersInOrder) {
  add(kRegexExtractorInterceptor, {{"regex", R"((\d):(\d)?:(\d))"},
                                   {"serializers", "s1 s2 s3"},
                                   {"serializers.s1.name", "one"},
                                   {"serializers.s2.name", "two"},
                                   {"serializers.s2.type", "DEFAULT"},
                                   {"serializers.s3.name", "three"}});
  EXPECT_EQ(pass({}, "1:2:3.4foobar5").headers,
            (Headers{{"one", "1"}, {"three", "3"}, {"two", "2"}}));
  EXPECT_EQ(pass({{"two", "old"}}, "x1::3").headers,
            (Headers{{"one", "1"}, {"three", "3"}, {"two", "old"}}));
  EXPECT_EQ(pass({}, "none").headers, Headers{});
}

TEST_F(InterceptorsTest, ExtractorSeesBytesThatAreNoTextAsJavaDoes) {
  add(kRegexExtractorInterceptor, {{"regex", R"(^(\S+) (.*) x$)"},
                                   {"serializers", "s1 s2"},
                                   {"serializers.s1.name", "one"},
                                   {"serializers.s2.name", "two"}});
  EXPECT_EQ(pass({}, "a b\xE9 x").headers, (Headers{{"one", "a"}, {"two", "b\uFFFD"}}));
}

TEST_F(InterceptorsTest, ExtractorReadsTimes) {
  add(kRegexExtractorInterceptor,
      {{"regex", R"(^\[([^\]]+)\])"},
       {"serializers", "s1"},
       {"serializers.s1.type",
        "org.apache.flume.interceptor.RegexExtractorInterceptorMillisSerializer"},
       {"serializers.s1.name", "timestamp"},
       {"serializers.s1.pattern", "yyyy-MM-dd HH:mm:ss.SSS Z"}});
  EXPECT_EQ(pass({}, "[2012-10-18 18:47:57.614 +0000] line").headers,
            (Headers{{"timestamp", "1350586077614"}}));
  EXPECT_EQ(pass({}, "[yesterday] line").headers, Headers{});
  EXPECT_EQ(counters_of("i1").at("unread_times_total"), 1U);
}

TEST_F(InterceptorsTest, ExtractorRefusesWhatCannotWork) {
  const Values good{{"regex", "(a)"}, {"serializers", "s"}, {"serializers.s.name", "h"}};
  EXPECT_THAT(refusals(kRegexExtractorInterceptor, good), IsEmpty());
  const auto with = [&good](const std::string& key, const std::string& value) {
    Values values = good;
    values[key] = value;
    return refusals(kRegexExtractorInterceptor, values);
  };
  EXPECT_THAT(with("regex", "a"),
              ElementsAre("serializers: 1 serializers for 0 groups of the pattern"));
  EXPECT_THAT(with("regex", "[a[b]]"), ElementsAre(HasSubstr("cannot be translated from Java")));
  EXPECT_THAT(with("serializers.s.type", "com.example.Mine"),
              ElementsAre(HasSubstr("is not a serializer; there is: default, millis")));
  EXPECT_THAT(with("serializers.s.type", "millis"), ElementsAre(HasSubstr("needs serializers.s.")));
  EXPECT_THAT(with("serializers.t.name", "x"),
              ElementsAre("serializers.t.name: belongs to no serializer of the list"));
  EXPECT_THAT(with("serializers.s.nmae", "x"), ElementsAre(HasSubstr("unknown option")));
}

struct CategoryFilterTest : InterceptorsTest {
  void add_filter(Values values = {}, std::optional<std::size_t> rejected_to = {}) {
    values["file"] = dir.file("categories");
    values["checkInterval"] = "1s";
    add(kCategoryFilterInterceptor, values, rejected_to);
  }
  EventBatch three() {
    EventBatch batch;
    const std::vector<HeaderView> app{{"category", "app"}};
    const std::vector<HeaderView> web{{"category", "web"}};
    batch.add(app, "1");
    batch.add(web, "2");
    batch.add("3");
    return batch;
  }
  static std::string bodies(const std::vector<Event>& events) {
    std::string all;
    for (const Event& event : events) all += event.body;
    return all;
  }
  test::TempDir dir;
};

TEST_F(CategoryFilterTest, OnlyListedValuesPassAndTheFileIsReadAgain) {
  dir.write("categories", "# registered\n\n  app \r\n");
  add_filter();
  EXPECT_EQ(bodies(pass(three())), "1");
  EXPECT_EQ(counters_of("i1").at("dropped_events_total"), 2U);
  dir.write("categories", "app\nweb\n");
  EXPECT_EQ(bodies(pass(three())), "1");  // not looked at before checkInterval
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(bodies(pass(three())), "12");
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(bodies(pass(three())), "12");
  EXPECT_EQ(counters_of("i1").at("category_reads_total"), 2U);  // not again when unchanged
}

TEST_F(CategoryFilterTest, AFileThatDisappearsLeavesTheListInForce) {
  dir.write("categories", "web");
  add_filter({{"allowMissing", "true"}});
  EXPECT_EQ(bodies(pass(three())), "23");
  ASSERT_EQ(::unlink(dir.file("categories").c_str()), 0);
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(bodies(pass(three())), "23");
}

TEST_F(CategoryFilterTest, WithoutAListYetTheBatchIsRefusedAndNothingDropped) {
  add_filter();
  chain = std::make_unique<InterceptorChain>(std::move(links), clock);
  const auto begun = chain->begin_batch();
  ASSERT_FALSE(begun.has_value());
  EXPECT_EQ(begun.error().code, Errc::kUnavailable);
  dir.write("categories", "app");
  EXPECT_TRUE(chain->begin_batch().has_value());  // at once, not after checkInterval
  EXPECT_EQ(bodies(events_of(chain->intercept(three()).kept())), "1");
}

TEST_F(CategoryFilterTest, RejectedEventsGoToTheirChannelAsTheyWereThen) {
  dir.write("categories", "app");
  add(kStaticInterceptor, {{"key", "dc"}, {"value", "x"}});
  add_filter({}, /*rejected_to=*/4);
  add(kStaticInterceptor, {{"key", "late"}, {"value", "x"}});
  chain = std::make_unique<InterceptorChain>(std::move(links), clock);
  for (int round = 0; round < 2; ++round) {  // the memory is used again
    ASSERT_TRUE(chain->begin_batch().has_value());
    const EventBatch batch = three();
    const auto passed = chain->intercept(batch);
    EXPECT_EQ(bodies(events_of(passed.kept())), "1");
    ASSERT_EQ(passed.rejected().size(), 1U);
    EXPECT_EQ(passed.rejected()[0].channel, 4U);
    EXPECT_THAT(
        events_of(passed.rejected()[0].events),
        ElementsAre(Event{{{"category", "web"}, {"dc", "x"}}, "2"}, Event{{{"dc", "x"}}, "3"}));
  }
  EXPECT_EQ(counters_of("i2").at("rejected_events_total"), 4U);
  EXPECT_EQ(counters_of("i2").at("dropped_events_total"), 0U);
}

TEST_F(InterceptorsTest, OrderIsTheListsOrder) {
  add(kStaticInterceptor, {{"key", "k"}, {"value", "first"}});
  add(kStaticInterceptor, {{"key", "k"}, {"value", "second"}});
  add(kRemoveHeaderInterceptor, {{"withName", "a"}});
  add(kStaticInterceptor, {{"key", "a"}, {"value", "again"}});
  EXPECT_EQ(pass({{"a", "1"}}, "").headers, (Headers{{"a", "again"}, {"k", "first"}}));
}

TEST_F(InterceptorsTest, ABatchThatNobodyChangesIsNotCopied) {
  add(kRegexFilterInterceptor, {});
  add(kRemoveHeaderInterceptor, {{"withName", "absent"}});
  chain = std::make_unique<InterceptorChain>(std::move(links), clock);
  const EventBatch batch = test::batch_of({"a", "b"});
  EXPECT_EQ(&chain->intercept(batch).kept(), &batch);
}

TEST_F(InterceptorsTest, EventsBeforeTheFirstChangedOneAreKept) {
  add(kRegexFilterInterceptor, {{"regex", "x"}, {"excludeEvents", "true"}});
  EXPECT_THAT(pass(test::batch_of({"a", "b", "x", "c"})),
              ElementsAre(Event{{}, "a"}, Event{{}, "b"}, Event{{}, "c"}));
  EXPECT_THAT(pass(test::batch_of({"x", "x"})), IsEmpty());
}

// More than the arena holds, again and again.
TEST_F(InterceptorsTest, ManyAndLongHeadersSurvive) {
  const std::string body(20'000, 'b');
  add(kRegexExtractorInterceptor,
      {{"regex", "(b+)"}, {"serializers", "s"}, {"serializers.s.name", "copy"}});
  add(kSearchReplaceInterceptor, {{"searchPattern", "b"}, {"replaceString", "cc"}});
  EventBatch batch;
  for (int i = 0; i < 3; ++i) batch.add(body);
  for (const Event& event : pass(batch)) {
    EXPECT_EQ(event.headers.at("copy"), body);
    EXPECT_EQ(event.body, std::string(40'000, 'c'));
  }
}

}  // namespace
}  // namespace spillway::agent
