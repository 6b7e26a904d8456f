// What a channel has promised to those who used it before a crash or an error, and whether it kept
// its promises: the oracle of the crash tests. Lives outside the simulated disk.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::test {

struct Promise {
  struct Batch {
    std::vector<std::string> bodies;
    bool is_acknowledged = false;  // put() returned success
  };

  std::vector<Batch> batches = {};     // in the order of their put()
  std::set<std::string> taken = {};    // commit() of a take was called: may be gone
  std::set<std::string> settled = {};  // and that is durable: must be gone

  // Each batch was put with its number as bookmark, and the manifest is there.
  bool has_bookmarks = false;

  /// Forgets which acknowledgements are durable: the manifest that knew was made unreadable.
  void unsettle() {
    settled.clear();
    has_bookmarks = false;
  }
};

/// What is wrong with `recovered`, the events of a channel in the order of their delivery; empty
/// when every promise is kept:
///   - every acknowledged put is there, but for what has been taken;
///   - nothing is there that was not put, nothing twice, nothing out of order;
///   - a batch is there whole or not at all, but for what has been taken;
///   - nothing that is settled comes back.
std::string broken_promise(const Promise& promise, const std::vector<std::string>& recovered);

/// What is wrong with `bookmark`, as recovered beside `recovered`; empty when it names the last
/// batch that is in the log, no earlier and no later one.
std::string wrong_bookmark(const Promise& promise, const std::vector<std::string>& recovered,
                           std::optional<std::string_view> bookmark);

}  // namespace spillway::test
