#include "tests/kernel/ledger.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <span>

#include "wal/base/check.h"

namespace spillway::test {
namespace {

// "<number>" from the front of `text`; what follows stays.
bool take_number(std::string_view& text, std::uint32_t& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool take_letter(std::string_view& text, char letter) {
  if (!text.starts_with(letter)) return false;
  text.remove_prefix(1);
  return true;
}

}  // namespace

std::uint32_t Ledger::last_batch() const {
  return *std::max_element(counts_->batches.begin(), counts_->batches.end());
}

void Ledger::clear() {
  rows_.clear();
  counts_.clear();
}

std::string Ledger::body(const LedgerEvent& event) const {
  std::string text = "p" + std::to_string(event.producer) + "b" + std::to_string(event.batch) +
                     "e" + std::to_string(event.index) + " ";
  const char padding = static_cast<char>('a' + (event.batch + event.index) % 26);
  const std::uint32_t bytes = row(event.producer, event.batch).body_bytes;
  text.resize(std::max<std::size_t>(text.size(), bytes), padding);
  return text;
}

std::optional<LedgerEvent> Ledger::parse(std::string_view text) const {
  LedgerEvent event;
  std::string_view left = text;
  const bool is_ours = take_letter(left, 'p') && take_number(left, event.producer) &&
                       take_letter(left, 'b') && take_number(left, event.batch) &&
                       take_letter(left, 'e') && take_number(left, event.index);
  if (!is_ours || event.producer >= kLedgerProducers) return std::nullopt;
  if (event.batch >= counts_->batches[event.producer]) return std::nullopt;
  if (event.index >= row(event.producer, event.batch).event_count) return std::nullopt;
  return body(event) == text ? std::optional(event) : std::nullopt;
}

std::vector<std::string> Ledger::begin_put(std::uint32_t producer, std::uint32_t event_count,
                                           std::uint32_t body_bytes, Moment now) {
  CHECK(event_count > 0 && event_count <= kBatchEventsMax);
  const std::uint32_t batch = counts_->batches[producer];
  CHECK(batch < batches_max_);
  BatchRow& mine = row(producer, batch);
  mine.event_count = event_count;
  mine.body_bytes = body_bytes;
  mine.put_begun = now + 1;
  ++counts_->batches[producer];
  std::vector<std::string> bodies;
  for (std::uint32_t i = 0; i < event_count; ++i) {
    bodies.push_back(body({.producer = producer, .batch = batch, .index = i}));
  }
  return bodies;
}

void Ledger::acknowledge_last(std::uint32_t producer, Moment now) {
  row(producer, counts_->batches[producer] - 1).acknowledged = now + 1;
  ++counts_->acknowledged;
}

void Ledger::begin_take(const std::vector<std::string>& bodies, Moment now) {
  for (const std::string& text : bodies) {
    const auto event = parse(text);
    if (!event) continue;
    Mark& mark = row(event->producer, event->batch).events[event->index].take_begun;
    if (mark == 0) mark = now + 1;
  }
}

void Ledger::settle(const std::vector<std::string>& bodies, Moment now) {
  for (const std::string& text : bodies) {
    const auto event = parse(text);
    if (!event) continue;
    row(event->producer, event->batch).events[event->index].settled = now + 1;
    ++counts_->settled;
  }
}

void Ledger::judge_batch(std::uint32_t producer, std::uint32_t batch,
                         const std::vector<LedgerEvent>& there, Moment crash,
                         std::string& wrong) const {
  const BatchRow& judged = row(producer, batch);
  const LedgerEvent first{.producer = producer, .batch = batch, .index = 0};
  const LedgerEvent end{.producer = producer, .batch = batch + 1, .index = 0};
  const auto begin = std::lower_bound(there.begin(), there.end(), first);
  const std::span<const LedgerEvent> here(begin, std::lower_bound(begin, there.end(), end));
  const bool is_acknowledged = is_by(judged.acknowledged, crash);
  if (!here.empty() && !is_by(judged.put_begun, crash)) {
    wrong += "there before it was put: " + body(here.front()).substr(0, 20) + "\n";
  }
  for (std::uint32_t i = 0; i < judged.event_count; ++i) {
    const LedgerEvent event{.producer = producer, .batch = batch, .index = i};
    const bool is_there = std::binary_search(here.begin(), here.end(), event);
    const std::string name = body(event).substr(0, 20) + "\n";
    if (is_there && is_by(judged.events[i].settled, crash)) wrong += "came back: " + name;
    if (is_there || is_by(judged.events[i].take_begun, crash)) continue;
    if (is_by(judged.events[i].settled, crash)) continue;
    if (is_acknowledged) wrong += "lost: " + name;
    if (!is_acknowledged && !here.empty()) wrong += "half a batch, without " + name;
  }
}

std::string Ledger::broken_promise(const std::vector<std::string>& there, Moment crash) const {
  std::string wrong;
  std::array<std::vector<LedgerEvent>, kLedgerProducers> events;
  for (const std::string& text : there) {
    const auto event = parse(text);
    if (!event) {
      wrong += "never put: " + text.substr(0, 40) + "\n";
      continue;
    }
    std::vector<LedgerEvent>& mine = events[event->producer];
    if (!mine.empty() && !(mine.back() < *event)) {
      wrong += "twice or out of order: " + text.substr(0, 20) + "\n";
      continue;
    }
    if (event->batch < counts_->first_open[event->producer])
      wrong += "came back: " + text.substr(0, 20);
    mine.push_back(*event);
  }
  for (std::uint32_t producer = 0; producer < kLedgerProducers; ++producer) {
    for (std::uint32_t batch = counts_->first_open[producer]; batch < counts_->batches[producer];
         ++batch) {
      judge_batch(producer, batch, events[producer], crash, wrong);
    }
  }
  constexpr std::size_t kTextBytesMax = 1000;  // thousands of lines say no more
  if (wrong.size() > kTextBytesMax) wrong = wrong.substr(0, kTextBytesMax) + " and more\n";
  return wrong;
}

std::vector<LedgerEvent> Ledger::parse_all(const std::vector<std::string>& bodies) const {
  std::vector<LedgerEvent> events;
  for (const std::string& text : bodies) {
    if (const auto event = parse(text)) events.push_back(*event);
  }
  std::sort(events.begin(), events.end());
  return events;
}

void Ledger::adopt(const std::vector<std::string>& there, Moment now) {
  const std::vector<LedgerEvent> events = parse_all(there);
  for (std::uint32_t producer = 0; producer < kLedgerProducers; ++producer) {
    for (std::uint32_t batch = counts_->first_open[producer]; batch < counts_->batches[producer];
         ++batch) {
      BatchRow& mine = row(producer, batch);
      for (std::uint32_t i = 0; i < mine.event_count; ++i) {
        const LedgerEvent event{.producer = producer, .batch = batch, .index = i};
        const bool is_there = std::binary_search(events.begin(), events.end(), event);
        if (!is_there && mine.events[i].settled == 0) mine.events[i].settled = now + 1;
      }
      // Last: who is killed in here must not leave behind a promise of what is gone.
      if (mine.acknowledged == 0) mine.acknowledged = now + 1;
    }
  }
}

void Ledger::forget_takes(const std::vector<std::string>& there) {
  for (const LedgerEvent& event : parse_all(there)) {
    row(event.producer, event.batch).events[event.index].take_begun = 0;
  }
  for (std::uint32_t producer = 0; producer < kLedgerProducers; ++producer) {
    const auto is_settled = [this, producer](std::uint32_t batch) {
      const BatchRow& mine = row(producer, batch);
      return std::all_of(mine.events.begin(), mine.events.begin() + mine.event_count,
                         [](const EventRow& event) { return event.settled != 0; });
    };
    std::atomic<std::uint32_t>& first = counts_->first_open[producer];
    while (first < counts_->batches[producer] && is_settled(first)) ++first;
  }
}

}  // namespace spillway::test
