// Promise: a slip of the finger is answered with the word that was meant, anything else with none.
#include "agent/suggestion.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <string_view>

namespace spillway::agent {
namespace {

constexpr std::array<std::string_view, 5> kWords{"capacity", "transactionCapacity", "keep-alive",
                                                 "type", "byteCapacity"};

TEST(EditDistanceTest, CountsSingleEdits) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("abc", ""), 3U);
  EXPECT_EQ(edit_distance("capacity", "capacity"), 0U);
  EXPECT_EQ(edit_distance("capcity", "capacity"), 1U);
  EXPECT_EQ(edit_distance("cappacity", "capacity"), 1U);
  EXPECT_EQ(edit_distance("kapacity", "capacity"), 1U);
  EXPECT_EQ(edit_distance("acpacity", "capacity"), 1U);  // neighbours swapped
  EXPECT_EQ(edit_distance("batchsize", "batchSize"), 0U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(NearestTest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("capcity", kWords), "capacity");
  EXPECT_EQ(nearest("CAPACITY", kWords), "capacity");
  EXPECT_EQ(nearest("keepalive", kWords), "keep-alive");
  EXPECT_EQ(nearest("transactionCapcity", kWords), "transactionCapacity");
  EXPECT_EQ(nearest("tpye", kWords), "type");
}

TEST(NearestTest, IsSilentWhenNothingIsNear) {
  EXPECT_EQ(nearest("bind", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest("capacity", {}), "");
  EXPECT_EQ(nearest(std::string(100'000, 'c'), kWords), "");
  EXPECT_EQ(did_you_mean(""), "");
  EXPECT_EQ(did_you_mean("type"), "; did you mean \"type\"?");
}

}  // namespace
}  // namespace spillway::agent
