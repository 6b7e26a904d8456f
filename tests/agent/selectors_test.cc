// Promise: each selector sends an event exactly where its options say, as Flume does.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "agent/selectors/channel_selector.h"
#include "channel/event_batch.h"

namespace spillway::agent {
namespace {

using channel::HeaderView;
using testing::ElementsAre;
using testing::IsEmpty;
using Values = std::map<std::string, std::string>;

std::unique_ptr<ChannelSelector> make(const SelectorType& type, const Values& values,
                                      std::uint64_t seed = 1) {
  return type.create({.channels = {"c0", "c1", "c2"}, .seed = seed},
                     Config::of(type.options, values));
}

Route route_of(ChannelSelector& selector, const std::vector<HeaderView>& headers) {
  channel::EventBatch batch;
  batch.add(headers, "body");
  return selector.route(batch[0]);
}

TEST(ReplicatingSelectorTest, OptionalTakesChannelsOutOfTheRequiredOnes) {
  const auto all = make(kReplicatingSelector, {});
  EXPECT_THAT(all->reach().required, ElementsAre(0U, 1U, 2U));
  const auto some = make(kReplicatingSelector, {{"optional", "c2 c0"}});
  ASSERT_NE(some->common_route(), nullptr);
  EXPECT_THAT(some->common_route()->required, ElementsAre(1U));
  EXPECT_THAT(some->common_route()->optional, ElementsAre(2U, 0U));
}

struct MultiplexingSelectorTest : testing::Test {
  std::unique_ptr<ChannelSelector> selector =
      make(kMultiplexingSelector, {{"header", "state"},
                                   {"mapping.CZ", "c0"},
                                   {"mapping.US", "c0 c1"},
                                   {"mapping.a.b", "c2"},
                                   {"default", "c1"},
                                   {"optional.US", "c1 c2"},
                                   {"optional.XX", "c1 c2"}});
};

TEST_F(MultiplexingSelectorTest, TheValueOfTheHeaderDecides) {
  EXPECT_THAT(route_of(*selector, {{"state", "CZ"}}).required, ElementsAre(0U));
  EXPECT_THAT(route_of(*selector, {{"state", "CZ"}}).optional, IsEmpty());
  EXPECT_THAT(route_of(*selector, {{"state", "US"}}).required, ElementsAre(0U, 1U));
  EXPECT_THAT(route_of(*selector, {{"state", "a.b"}}).required, ElementsAre(2U));
}

TEST_F(MultiplexingSelectorTest, MissingBlankAndUnmappedValuesMeanDefault) {
  EXPECT_THAT(route_of(*selector, {}).required, ElementsAre(1U));
  EXPECT_THAT(route_of(*selector, {{"state", ""}}).required, ElementsAre(1U));
  EXPECT_THAT(route_of(*selector, {{"state", " \t"}}).required, ElementsAre(1U));
  EXPECT_THAT(route_of(*selector, {{"state", "DE"}}).required, ElementsAre(1U));
  EXPECT_THAT(route_of(*selector, {{"state", "cz"}}).required, ElementsAre(1U));   // exact
  EXPECT_THAT(route_of(*selector, {{"state", "CZ "}}).required, ElementsAre(1U));  // not trimmed
}

TEST_F(MultiplexingSelectorTest, OptionalChannelsLeaveOutTheRequiredOnes) {
  EXPECT_THAT(route_of(*selector, {{"state", "US"}}).optional, ElementsAre(2U));
  const Route unmapped = route_of(*selector, {{"state", "XX"}});
  EXPECT_THAT(unmapped.required, ElementsAre(1U));  // the default
  EXPECT_THAT(unmapped.optional, ElementsAre(2U));
}

TEST_F(MultiplexingSelectorTest, ReachIsWhatAnyEventCanGetTo) {
  EXPECT_THAT(selector->reach().required, testing::UnorderedElementsAre(0U, 1U, 2U));
  const auto narrow = make(kMultiplexingSelector, {{"mapping.x", "c0"}, {"optional.y", "c2"}});
  EXPECT_THAT(narrow->reach().required, ElementsAre(0U));
  EXPECT_THAT(narrow->reach().optional, ElementsAre(2U));
}

TEST(MultiplexingDefaultsTest, WithoutADefaultUnmappedEventsGoNowhere) {
  const auto selector = make(kMultiplexingSelector, {{"mapping.x", "c0"}});
  const Route nowhere = route_of(*selector, {{"flume.selector.header", "y"}});
  EXPECT_THAT(nowhere.required, IsEmpty());
  EXPECT_THAT(nowhere.optional, IsEmpty());
  EXPECT_THAT(route_of(*selector, {{"flume.selector.header", "x"}}).required, ElementsAre(0U));
}

TEST(LoadBalancingSelectorTest, RoundRobinGivesEachChannelItsTurn) {
  const auto selector = make(kLoadBalancingSelector, {});
  EXPECT_EQ(selector->common_route(), nullptr);
  for (std::size_t i = 0; i < 9; ++i) {
    const Route route = route_of(*selector, {});
    EXPECT_THAT(route.required, ElementsAre(i % 3));
    EXPECT_THAT(route.optional, IsEmpty());
  }
}

TEST(LoadBalancingSelectorTest, RandomReachesAllChannelsAboutEvenly) {
  for (const std::uint64_t seed : {1U, 2U, 77U}) {
    const auto selector = make(kLoadBalancingSelector, {{"policy", "RANDOM"}}, seed);
    std::vector<int> hits(3);
    for (int i = 0; i < 3000; ++i) ++hits[route_of(*selector, {}).required.front()];
    for (const int count : hits) EXPECT_NEAR(count, 1000, 200) << seed;
  }
}

}  // namespace
}  // namespace spillway::agent
