#include "tests/model/lockstep.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "tests/support/events.h"
#include "wal/base/check.h"

namespace spillway::test {
namespace {

using channel::TakeTransaction;

constexpr std::chrono::milliseconds kNoWait{0};
constexpr std::size_t kOpenTransactionsMax = 6;

std::string join(const std::vector<std::string>& bodies) {
  std::string text = "[";
  for (const std::string& body : bodies) text += body.substr(0, body.find('.')) + " ";
  return text + "]";
}

std::string outcome(std::optional<Errc> refusal) {
  return refusal ? errc_name(*refusal) : "success";
}

}  // namespace

std::string Step::text() const {
  switch (kind) {
    case Kind::kPut:
      return "put " + std::to_string(amount);
    case Kind::kTake:
      return "take " + std::to_string(amount);
    case Kind::kCommit:
      return "commit #" + std::to_string(pick);
    case Kind::kRollback:
      return "rollback #" + std::to_string(pick);
    case Kind::kAbandon:
      return "abandon #" + std::to_string(pick);
    case Kind::kReopen:
      return "reopen";
  }
  return "?";
}

std::vector<Step> random_steps(Random& random, std::size_t count, const ChannelLimits& limits) {
  using Kind = Step::Kind;
  const std::uint64_t most = limits.transaction_capacity_events;
  std::vector<Step> steps;
  for (std::size_t i = 0; i < count; ++i) {
    const std::uint64_t dice = random.below(100);
    Step step{.kind = Kind::kReopen, .amount = 0, .pick = random.below(kOpenTransactionsMax)};
    if (dice < 35) step = {.kind = Kind::kPut, .amount = random.between(0, most + 1)};
    if (dice >= 35 && dice < 65) step = {.kind = Kind::kTake, .amount = random.between(1, most)};
    if (dice >= 65 && dice < 83) step.kind = Kind::kCommit;
    if (dice >= 83 && dice < 93) step.kind = Kind::kRollback;
    if (dice >= 93 && dice < 98) step.kind = Kind::kAbandon;
    steps.push_back(step);
  }
  return steps;
}

Lockstep::Lockstep(std::unique_ptr<ChannelHome> home, const ChannelLimits& limits)
    : home_(std::move(home)), limits_(limits), model_(limits, home_->byte_slots_max()) {
  channel_ = home_->create(limits_);
  CHECK(channel_->start().has_value());
}

Lockstep::~Lockstep() {
  close();
}

void Lockstep::close() {
  open_.clear();
  if (channel_ == nullptr) return;
  channel_->stop();
  channel_.reset();
}

std::optional<std::string> Lockstep::apply(const Step& step) {
  std::optional<std::string> difference;
  switch (step.kind) {
    case Step::Kind::kPut:
      difference = put(step.amount);
      break;
    case Step::Kind::kTake:
      difference = take(step.amount);
      break;
    case Step::Kind::kCommit:
    case Step::Kind::kRollback:
    case Step::Kind::kAbandon:
      difference = end(step);
      break;
    case Step::Kind::kReopen:
      difference = reopen();
      break;
  }
  return difference ? difference : compare();
}

std::optional<std::string> Lockstep::put(std::uint64_t count) {
  std::vector<std::string> bodies;
  for (std::uint64_t i = 0; i < count; ++i) {
    // "17" or "21....": a number to tell events apart, padding to make them of different sizes
    std::string body = std::to_string(next_body_);
    if (next_body_ % 7 == 0) body.append(next_body_ % 13 * 50, '.');
    bodies.push_back(std::move(body));
    ++next_body_;
  }
  const auto result = channel_->put(batch_of(bodies));
  const std::optional<Errc> refusal =
      result.has_value() ? std::nullopt : std::optional(result.error().code);
  const std::optional<Errc> expected = model_.put(bodies);
  if (refusal == expected) return std::nullopt;
  return "put: " + outcome(refusal) + ", model: " + outcome(expected);
}

std::optional<std::string> Lockstep::take(std::uint64_t events_max) {
  if (open_.size() == kOpenTransactionsMax) return std::nullopt;
  auto taken = channel_->take(events_max, kNoWait);
  if (!taken.has_value()) return "take: " + to_string(taken.error());
  open_.push_back(std::move(taken.value()));
  const std::vector<std::string> bodies = bodies_of(open_.back()->events());
  const std::vector<std::string> expected = model_.take(events_max);
  if (bodies == expected) return std::nullopt;
  return "take: " + join(bodies) + ", model: " + join(expected);
}

std::optional<std::string> Lockstep::end(const Step& step) {
  if (open_.empty()) return std::nullopt;
  const std::size_t index = step.pick % open_.size();
  const std::unique_ptr<TakeTransaction> transaction = std::move(open_[index]);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
  if (step.kind != Step::Kind::kCommit) {
    if (step.kind == Step::Kind::kRollback) transaction->rollback();
    model_.rollback(index);
    return std::nullopt;  // kAbandon: the destructor rolls back
  }
  const auto result = transaction->commit();
  if (!result.has_value()) return "commit: " + to_string(result.error());
  model_.commit(index);
  return std::nullopt;
}

std::optional<std::string> Lockstep::reopen() {
  close();
  channel_ = home_->create(limits_);
  const auto started = channel_->start();
  if (!started.has_value()) return "start: " + to_string(started.error());
  model_.reopen(home_->is_durable());
  return std::nullopt;
}

std::optional<std::string> Lockstep::compare() const {
  const auto differ = [](const char* what, std::uint64_t real, std::uint64_t expected) {
    return std::string(what) + ": " + std::to_string(real) + ", model: " + std::to_string(expected);
  };
  const std::uint64_t size = channel_->size_events();
  if (size != model_.size_events()) return differ("size", size, model_.size_events());
  const std::uint64_t puts = channel_->counters().put_successes.value();
  if (puts != model_.put_count()) return differ("puts", puts, model_.put_count());
  const std::uint64_t takes = channel_->counters().take_successes.value();
  if (takes != model_.committed_count()) return differ("takes", takes, model_.committed_count());
  return std::nullopt;
}

std::optional<std::string> Lockstep::finish() {
  while (!open_.empty()) {
    open_.pop_back();
    model_.rollback(model_.open_count() - 1);
  }
  if (auto difference = compare()) return "at the end, " + *difference;
  const std::vector<std::string> rest = drain(*channel_);
  const std::vector<std::string> expected = model_.take(SIZE_MAX);
  model_.commit(0);
  if (rest != expected) return "at the end: " + join(rest) + ", model: " + join(expected);
  return compare();
}

std::optional<std::string> run_steps(std::unique_ptr<ChannelHome> home, const ChannelLimits& limits,
                                     const std::vector<Step>& steps) {
  Lockstep lockstep(std::move(home), limits);
  for (const Step& step : steps) {
    if (auto difference = lockstep.apply(step)) return step.text() + ": " + *difference;
  }
  return lockstep.finish();
}

std::vector<Step> shrink(std::vector<Step> steps,
                         const std::function<bool(const std::vector<Step>&)>& fails) {
  for (std::size_t width = std::max<std::size_t>(steps.size() / 2, 1); width > 0; width /= 2) {
    for (std::size_t begin = 0; begin < steps.size();) {
      std::vector<Step> fewer = steps;
      const std::size_t end = std::min(begin + width, fewer.size());
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(begin),
                  fewer.begin() + static_cast<std::ptrdiff_t>(end));
      if (fails(fewer)) {
        steps = std::move(fewer);
      } else {
        begin = end;
      }
    }
  }
  return steps;
}

}  // namespace spillway::test
