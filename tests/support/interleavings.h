// Runs a few lines of lock-free code under every interleaving of their atomic operations, or under
// all those with a bounded number of preemptions where that would take too long.
//
// Each thread is a fiber that gives way before every atomic operation; a depth-first search over
// "who goes next" repeats the whole run until every choice was made. A relaxed load is a choice,
// too: any value that the thread has not seen replaced yet. Everything else is sequentially
// consistent. Fibers that all sleep are a lost wake-up, and a failure.
#pragma once

#include <ucontext.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace spillway::test {

/// One at a time in the process.
class Interleavings {
 public:
  static constexpr std::size_t kThreadsMax = 4;

  /// What one run consists of: its threads, and a look at the outcome when all have ended.
  struct Run {
    std::vector<std::function<void()>> threads = {};
    std::function<void()> check = {};
  };

  /// Calls `make` for each run. A thread that could go on is made to wait `preemptions_max` times
  /// in a run at most; stale reads count as that. Returns the number of runs; `is_stuck` tells of
  /// sleepers that nobody woke in the last of them.
  std::uint64_t explore(const std::function<Run()>& make, std::size_t preemptions_max = SIZE_MAX) {
    current_ = this;
    preemptions_max_ = preemptions_max;
    std::uint64_t runs = 0;
    choices_.clear();
    do {
      ++runs;
      execute(make());
    } while (!is_stuck_ && advance());
    current_ = nullptr;
    return runs;
  }
  [[nodiscard]] bool is_stuck() const { return is_stuck_; }

  // ---- for the atomics below

  static Interleavings& current() { return *current_; }
  static bool is_inside() { return current_ != nullptr && current_->running_ != kNobody; }

  /// Before each atomic operation.
  static void step() {
    if (!is_inside()) return;  // setting up, checking and tidying up
    swapcontext(&current_->fibers_[current_->running_]->context, &current_->main_);
  }

  /// One of `count` possibilities.
  std::size_t choose(std::size_t count) {
    if (count <= 1) return 0;
    if (depth_ == choices_.size()) choices_.push_back({.taken = 0, .count = count});
    return choices_[depth_++].taken;
  }

  /// Likewise; all but the first count as a preemption.
  std::size_t choose_costly(std::size_t count) {
    if (preemptions_ == preemptions_max_) return 0;
    const std::size_t chosen = choose(count);
    if (chosen > 0) ++preemptions_;
    return chosen;
  }

  [[nodiscard]] std::size_t thread() const { return running_; }

  void sleep_on(const void* word) {
    fibers_[running_]->sleeps_on = word;
    swapcontext(&fibers_[running_]->context, &main_);
  }
  void wake(const void* word) {
    for (const auto& fiber : fibers_) {
      if (fiber->sleeps_on == word) fiber->sleeps_on = nullptr;
    }
  }

 private:
  static constexpr std::size_t kNobody = SIZE_MAX;
  static constexpr std::size_t kStackBytes = 64 * 1024;

  struct Choice {
    std::size_t taken;
    std::size_t count;
  };
  struct Fiber {
    ucontext_t context{};
    std::vector<char> stack = std::vector<char>(kStackBytes);
    std::function<void()> body{};
    bool is_over = true;
    const void* sleeps_on = nullptr;
  };

  static void enter() {
    Interleavings& self = *current_;
    Fiber& fiber = *self.fibers_[self.running_];
    fiber.body();
    fiber.is_over = true;
    swapcontext(&fiber.context, &self.main_);
  }

  void execute(Run run) {
    depth_ = 0;
    preemptions_ = 0;
    while (fibers_.size() < run.threads.size()) fibers_.push_back(std::make_unique<Fiber>());
    for (std::size_t i = 0; i < run.threads.size(); ++i) {
      Fiber& fiber = *fibers_[i];
      fiber.body = std::move(run.threads[i]);
      fiber.is_over = false;
      fiber.sleeps_on = nullptr;
      getcontext(&fiber.context);
      fiber.context.uc_stack.ss_sp = fiber.stack.data();
      fiber.context.uc_stack.ss_size = fiber.stack.size();
      makecontext(&fiber.context, &Interleavings::enter, 0);
    }
    // Up to the first operation of each: what comes before it is nobody else's affair.
    for (running_ = 0; running_ < run.threads.size(); ++running_) {
      swapcontext(&main_, &fibers_[running_]->context);
    }
    running_ = kNobody;
    while (run_one()) {
    }
    running_ = kNobody;
    if (!is_stuck_) run.check();
  }

  bool run_one() {
    std::array<std::size_t, kThreadsMax> ready{};
    std::size_t count = 0;
    bool is_anybody_asleep = false;
    for (std::size_t i = 0; i < fibers_.size(); ++i) {
      if (fibers_[i]->is_over) continue;
      if (fibers_[i]->sleeps_on == nullptr) {
        ready.at(count++) = i;
      } else {
        is_anybody_asleep = true;
      }
    }
    is_stuck_ = count == 0 && is_anybody_asleep;
    if (count == 0) return false;
    const auto last = std::find(ready.begin(), ready.begin() + count, running_);
    const bool can_go_on = last != ready.begin() + count;
    if (can_go_on) std::swap(*last, ready.front());
    const std::size_t chosen = can_go_on ? choose_costly(count) : choose(count);
    running_ = ready.at(chosen);
    swapcontext(&main_, &fibers_[running_]->context);
    return true;
  }

  bool advance() {
    while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().count) {
      choices_.pop_back();
    }
    if (choices_.empty()) return false;
    ++choices_.back().taken;
    return true;
  }

  inline static Interleavings* current_ = nullptr;

  ucontext_t main_{};
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::size_t running_ = kNobody;
  std::vector<Choice> choices_;
  std::size_t depth_ = 0;
  std::size_t preemptions_max_ = 0;
  std::size_t preemptions_ = 0;
  bool is_stuck_ = false;
};

/// std::atomic as far as the code under test uses it.
template <class T>
class ExploredAtomic {
 public:
  explicit ExploredAtomic(T value) : values_{value} {}

  T load(std::memory_order order) const {
    Interleavings::step();
    if (!Interleavings::is_inside()) return values_.back();
    Interleavings& all = Interleavings::current();
    std::size_t& seen = seen_.at(all.thread());
    const std::size_t newest = values_.size() - 1;
    seen =
        order == std::memory_order_relaxed ? newest - all.choose_costly(newest - seen + 1) : newest;
    return values_[seen];
  }
  void store(T value, std::memory_order) { change(value); }
  T exchange(T value, std::memory_order) { return change(value); }
  T fetch_or(T bits, std::memory_order) {
    Interleavings::step();
    const T old = values_.back();
    add(old | bits);
    return old;
  }
  bool compare_exchange_weak(T& expected, T value, std::memory_order, std::memory_order order) {
    return compare_exchange_strong(expected, value, order, order);  // a retry would find the same
  }
  bool compare_exchange_strong(T& expected, T value, std::memory_order, std::memory_order) {
    Interleavings::step();
    const T old = values_.back();
    if (old == expected) {
      add(value);
      return true;
    }
    expected = old;
    note_seen();
    return false;
  }
  [[nodiscard]] T newest() const { return values_.back(); }

 private:
  T change(T value) {
    Interleavings::step();
    const T old = values_.back();
    add(value);
    return old;
  }
  void add(T value) {
    values_.push_back(value);
    note_seen();
  }
  void note_seen() const {
    if (Interleavings::is_inside()) {
      seen_.at(Interleavings::current().thread()) = values_.size() - 1;
    }
  }

  std::vector<T> values_;  // in modification order
  mutable std::array<std::size_t, Interleavings::kThreadsMax> seen_{};
};

/// Takes the place of NativeThreads.
struct ExploredThreads {
  template <class T>
  using Atomic = ExploredAtomic<T>;

  static void sleep(const Atomic<std::uint32_t>& word, std::uint32_t expected) {
    Interleavings::step();
    if (word.newest() == expected) Interleavings::current().sleep_on(&word);
  }
  static void sleep(const Atomic<std::uint32_t>& word, std::uint32_t expected,
                    std::chrono::nanoseconds) {
    sleep(word, expected);
  }
  static void wake_all(const Atomic<std::uint32_t>& word) {
    Interleavings::step();
    Interleavings::current().wake(&word);
  }
};

}  // namespace spillway::test
