// The oracle of the crash tests notices every kind of broken promise.

#include "tests/crash/promise.h"

#include <gtest/gtest.h>

namespace spillway::test {
namespace {

Promise some_promise() {
  return {.batches = {{{"a1", "a2"}, true}, {{"b1", "b2"}, true}, {{"c1", "c2"}, false}},
          .taken = {"a1"},
          .settled = {}};
}

TEST(PromiseTest, IsKeptByEveryAllowedOutcome) {
  const Promise promise = some_promise();
  EXPECT_EQ(broken_promise(promise, {"a1", "a2", "b1", "b2"}), "");
  EXPECT_EQ(broken_promise(promise, {"a2", "b1", "b2"}), "");
  EXPECT_EQ(broken_promise(promise, {"a2", "b1", "b2", "c1", "c2"}), "");
}

TEST(PromiseTest, IsBrokenByLossInventionDisorderAndHalves) {
  const Promise promise = some_promise();
  EXPECT_NE(broken_promise(promise, {"a1", "b1", "b2"}), "");        // a2 lost
  EXPECT_NE(broken_promise(promise, {"a2", "b1", "b2", "x"}), "");   // invented
  EXPECT_NE(broken_promise(promise, {"a2", "b2", "b1"}), "");        // out of order
  EXPECT_NE(broken_promise(promise, {"a2", "b1", "b2", "b2"}), "");  // twice
  EXPECT_NE(broken_promise(promise, {"a2", "b1", "b2", "c2"}), "");  // half
  EXPECT_NE(broken_promise(promise, {}), "");
}

TEST(PromiseTest, SettledEventsMustStayAway) {
  Promise promise = some_promise();
  promise.settled = {"a1"};
  EXPECT_NE(broken_promise(promise, {"a1", "a2", "b1", "b2"}), "");
  EXPECT_EQ(broken_promise(promise, {"a2", "b1", "b2"}), "");
  promise.unsettle();
  EXPECT_EQ(broken_promise(promise, {"a1", "a2", "b1", "b2"}), "");
}

}  // namespace
}  // namespace spillway::test
