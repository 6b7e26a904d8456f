#include "tests/crash/promise.h"

#include <algorithm>
#include <map>

namespace spillway::test {
namespace {

struct Place {
  std::size_t batch = 0;
  std::size_t index = 0;
  friend auto operator<=>(const Place&, const Place&) = default;
};

}  // namespace

std::string broken_promise(const Promise& promise, const std::vector<std::string>& recovered) {
  std::map<std::string, Place> places;
  for (std::size_t b = 0; b < promise.batches.size(); ++b) {
    const std::vector<std::string>& bodies = promise.batches[b].bodies;
    for (std::size_t i = 0; i < bodies.size(); ++i) places[bodies[i]] = {.batch = b, .index = i};
  }
  std::string text;
  const Place* before = nullptr;
  for (const std::string& body : recovered) {
    const auto found = places.find(body);
    if (found == places.end()) {
      text += "never put: " + body + "\n";
      continue;
    }
    const Place& place = found->second;
    if (before != nullptr && !(*before < place)) text += "twice or out of order: " + body + "\n";
    if (promise.settled.count(body) != 0) text += "came back: " + body + "\n";
    before = &place;
  }
  const std::set<std::string> there(recovered.begin(), recovered.end());
  for (const Promise::Batch& batch : promise.batches) {
    const auto is_missing = [&](const std::string& body) {
      return there.count(body) == 0 && promise.taken.count(body) == 0;
    };
    const auto is_there = [&](const std::string& body) { return there.count(body) != 0; };
    const bool is_expected =
        batch.is_acknowledged || std::any_of(batch.bodies.begin(), batch.bodies.end(), is_there);
    for (const std::string& body : batch.bodies) {
      if (!is_expected || !is_missing(body)) continue;
      text += (batch.is_acknowledged ? "lost: " : "half a batch, without ") + body + "\n";
    }
  }
  return text;
}

std::string wrong_bookmark(const Promise& promise, const std::vector<std::string>& recovered,
                           std::optional<std::string_view> bookmark) {
  if (!promise.has_bookmarks) return {};
  const std::set<std::string> there(recovered.begin(), recovered.end());
  const auto is_there = [&](const std::string& body) { return there.count(body) != 0; };
  const auto was_taken = [&](const std::string& body) { return promise.taken.count(body) != 0; };
  std::string text;
  const std::size_t named =
      bookmark ? std::stoul(std::string(*bookmark)) + 1 : 0;  // batches before it
  for (std::size_t b = 0; b < promise.batches.size(); ++b) {
    const Promise::Batch& batch = promise.batches[b];
    const bool is_in_log =
        batch.is_acknowledged || std::any_of(batch.bodies.begin(), batch.bodies.end(), is_there);
    const bool is_impossible =
        !is_in_log && std::none_of(batch.bodies.begin(), batch.bodies.end(), was_taken);
    const std::string name = std::to_string(b);
    if (b >= named && is_in_log) text += "batch " + name + " is in the log, behind the bookmark\n";
    if (b + 1 == named && is_impossible) text += "the bookmark's batch " + name + " is not there\n";
  }
  return text;
}

}  // namespace spillway::test
