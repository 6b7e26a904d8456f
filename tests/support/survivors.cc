#include "tests/support/survivors.h"

#include <algorithm>
#include <random>
#include <set>
#include <utility>

#include "wal/base/check.h"

namespace spillway::test {
namespace {

class Choices {
 public:
  Choices(std::size_t count, std::uint64_t seed) : count_(count), seed_(seed) {}

  [[nodiscard]] std::vector<Fate> all(Fate fate) const { return std::vector<Fate>(count_, fate); }

  void add(std::string name, std::vector<Fate> fates) {
    const bool is_torn = std::find(fates.begin(), fates.end(), Fate::kTorn) != fates.end();
    if (!is_torn && !seen_.insert(fates).second) return;
    const std::uint64_t seed = seed_ + choices_.size();
    choices_.push_back({.name = std::move(name), .fates = std::move(fates), .seed = seed});
  }

  std::vector<Survivors> take() { return std::move(choices_); }

 private:
  const std::size_t count_;
  const std::uint64_t seed_;
  std::set<std::vector<Fate>> seen_;
  std::vector<Survivors> choices_;
};

}  // namespace

std::vector<Survivors> survivor_choices(std::size_t pending_count, std::uint64_t seed,
                                        std::size_t random_count) {
  Choices choices(pending_count, seed);
  choices.add("none", choices.all(Fate::kLost));
  choices.add("all", choices.all(Fate::kKept));
  auto prefix = choices.all(Fate::kLost);
  for (std::size_t i = 0; i < pending_count; ++i) {
    const std::string number = std::to_string(i);
    auto missing = choices.all(Fate::kKept);
    missing[i] = Fate::kLost;
    choices.add("all but " + number, std::move(missing));
    auto alone = choices.all(Fate::kLost);
    alone[i] = Fate::kKept;
    choices.add("only " + number, std::move(alone));
    prefix[i] = Fate::kTorn;
    choices.add("before " + number + ", which is torn", prefix);
    prefix[i] = Fate::kKept;
    choices.add("up to " + number, prefix);
  }
  if (pending_count == 0) return choices.take();

  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < random_count; ++i) {
    auto fates = choices.all(Fate::kLost);
    for (Fate& fate : fates) fate = static_cast<Fate>(random() % 3);
    choices.add("random " + std::to_string(i), std::move(fates));
  }
  return choices.take();
}

std::vector<Survivors> all_survivors(std::size_t pending_count) {
  CHECK(pending_count <= 12);
  Choices choices(pending_count, 0);
  for (std::size_t mask = 0; mask < std::size_t{1} << pending_count; ++mask) {
    auto fates = choices.all(Fate::kLost);
    for (std::size_t i = 0; i < pending_count; ++i) {
      if ((mask >> i & 1U) != 0) fates[i] = Fate::kKept;
    }
    choices.add("subset " + std::to_string(mask), std::move(fates));
  }
  return choices.take();
}

}  // namespace spillway::test
