// Result carries a value or an Error; TRY and TRY_ASSIGN leave the function at the first Error.
#include "wal/base/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

namespace spillway {
namespace {

static_assert(sizeof(Error) <= 24, "Error travels on the hot path");
static_assert(std::is_trivially_copyable_v<Error>);

constexpr Error kBroken{.code = Errc::kCorrupt, .what = "broken", .at = 8};

TEST(ResultTest, HoldsAValueOrAnError) {
  const Result<int> good = 7;
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good.value(), 7);

  const Result<int> bad = kBroken;
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code, Errc::kCorrupt);
  EXPECT_EQ(bad.error().at, 8U);
}

TEST(ResultTest, VoidResultIsSuccessUntilItHasAnError) {
  EXPECT_TRUE(Result<void>().has_value());
  const Result<void> bad = kBroken;
  ASSERT_FALSE(bad.has_value());
  EXPECT_STREQ(bad.error().what, "broken");
}

TEST(ResultTest, MoveOnlyValuesCanBeTakenOut) {
  Result<std::unique_ptr<int>> made = std::make_unique<int>(3);
  const std::unique_ptr<int> taken = std::move(made.value());
  EXPECT_EQ(*taken, 3);
}

TEST(ResultDeathTest, AskingForWhatIsNotThereIsOurBug) {
  const Result<int> bad = kBroken;
  EXPECT_DEATH(static_cast<void>(bad.value()), "CHECK failed: has_value");
  const Result<int> good = 1;
  EXPECT_DEATH(static_cast<void>(good.error()), "CHECK failed: !has_value");
}

Result<void> try_twice(const Result<void>& first, const Result<void>& second, int& reached) {
  TRY(first);
  ++reached;
  TRY(second);
  ++reached;
  return {};
}

TEST(TryTest, GoesOnAfterSuccessAndLeavesAtTheFirstError) {
  int reached = 0;
  EXPECT_TRUE(try_twice({}, {}, reached).has_value());
  EXPECT_EQ(reached, 2);

  reached = 0;
  EXPECT_EQ(try_twice({}, kBroken, reached).error().at, 8U);
  EXPECT_EQ(reached, 1);

  reached = 0;
  EXPECT_FALSE(try_twice(kBroken, {}, reached).has_value());
  EXPECT_EQ(reached, 0);
}

Result<std::string> join(Result<std::unique_ptr<int>> number, Result<std::string> text) {
  TRY_ASSIGN(const std::unique_ptr<int> owned, std::move(number));
  std::string joined;
  TRY_ASSIGN(joined, std::move(text));
  return joined + std::to_string(*owned);
}

TEST(TryTest, TryAssignDeclaresOrAssignsAndConvertsTheError) {
  EXPECT_EQ(join(std::make_unique<int>(5), std::string("n=")).value(), "n=5");
  EXPECT_EQ(join(kBroken, std::string()).error().code, Errc::kCorrupt);
  EXPECT_EQ(join(std::make_unique<int>(5), kBroken).error().code, Errc::kCorrupt);
}

TEST(ErrorTest, TextNamesCauseCodeAndPlace) {
  EXPECT_EQ(to_string(Error{.code = Errc::kFull, .what = "no room"}), "no room (full)");
  EXPECT_EQ(to_string(Error{.code = Errc::kNotFound, .os_error = ENOENT, .what = "cannot open"}),
            "cannot open: No such file or directory (not_found)");
  EXPECT_EQ(to_string(kBroken), "broken (corrupt, at 8)");
}

TEST(ErrorTest, EveryCodeHasItsOwnName) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(Errc::kUnavailable); ++code) {
    const std::string name = errc_name(static_cast<Errc>(code));
    EXPECT_NE(name, "unknown") << code;
    EXPECT_TRUE(names.insert(name).second) << name;
  }
}

}  // namespace
}  // namespace spillway
