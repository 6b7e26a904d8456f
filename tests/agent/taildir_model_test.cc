// A writer appends, rotates and truncates at random while a taildir source polls, is refused,
// restarts and crashes. Every line arrives, in the order of its file, and exactly once unless
// something crashed in front of a channel that keeps no bookmarks.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/seeds.h"
#include "tests/support/taildir_rig.h"
#include "wal/base/random.h"

namespace spillway::agent {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::TaildirRig;
using Options = TaildirRig::Options;

enum class Crashes { kNever, kSometimes };
enum class Bookmarks { kNone, kKept };

// What was written. A stream is one file through all its names; a line says "<stream> <number>".
class Writer {
 public:
  Writer(TaildirRig& rig, Random& random) : rig_(rig), random_(random) { open_next(); }

  void append() {
    File& file = files_[random_.below(files_.size())];
    for (std::uint64_t i = random_.between(1, 5); i > 0; --i) {
      std::string line = std::to_string(file.stream) + " " + std::to_string(file.written++);
      line += " " + std::string(random_.below(random_.one_in(20) ? 400 : 20), 'x');
      written_.insert(line);
      if (file.held.empty() && random_.one_in(8)) {
        const std::size_t cut = random_.below(line.size());
        rig_.append(file.name, line.substr(0, cut));
        file.held = line.substr(cut) + "\n";
        return;  // the rest comes with the next append
      }
      rig_.append(file.name,
                  std::exchange(file.held, "") + line + (random_.one_in(4) ? "\r\n" : "\n"));
    }
  }

  void finish_lines() {
    for (File& file : files_) {
      if (!file.held.empty()) rig_.append(file.name, std::exchange(file.held, ""));
    }
  }

  void open_next() {
    const std::string name = "app" + std::to_string(streams_) + ".log";
    files_.push_back({.stream = streams_++, .name = name});
    if (random_.one_in(2)) rig_.append(name, "");
  }

  // The file keeps matching, under another name.
  void rename_inside() {
    File& file = files_[random_.below(files_.size())];
    if (file.matches) move(file, "moved" + std::to_string(++moves_) + ".log");
  }

  // The file leaves the pattern; its writer may append for a while. Some of it was there at the
  // last look: a file that has always been empty cannot be recognized after a restart.
  void rename_outside() {
    File& file = files_[random_.below(files_.size())];
    if (!file.matches || !exists(file) || std::filesystem::is_empty(rig_.logs() / file.name))
      return;
    move(file, "rotated" + std::to_string(++moves_));
    file.matches = false;
  }

  void remove() {
    const std::size_t index = random_.below(files_.size());
    File& file = files_[index];
    if (files_.size() < 2 || !exists(file) || !file.held.empty()) return;
    rig_.remove(file.name);
    files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(index));
  }

  // As logrotate's copytruncate, after everything was read; the kernel's clock has moved on.
  void truncate() {
    File& file = files_[random_.below(files_.size())];
    if (!exists(file) || !file.held.empty() || !file.matches) return;
    rig_.rewrite(file.name, "");
    append();
    std::filesystem::last_write_time(
        rig_.logs() / file.name,
        std::filesystem::file_time_type::clock::now() + seconds(++truncations_));
  }

  [[nodiscard]] const std::set<std::string>& written() const { return written_; }

 private:
  struct File {
    std::uint64_t stream = 0;
    std::string name;
    std::uint64_t written = 0;
    std::string held = {};  // the rest of an unterminated line
    bool matches = true;
  };

  [[nodiscard]] bool exists(const File& file) const {
    return std::filesystem::exists(rig_.logs() / file.name);
  }
  void move(File& file, const std::string& name) {
    if (!exists(file)) return;
    rig_.rename(file.name, name);
    file.name = name;
  }

  TaildirRig& rig_;
  Random& random_;
  std::vector<File> files_;
  std::set<std::string> written_;
  std::uint64_t streams_ = 0;
  std::uint64_t moves_ = 0;
  int truncations_ = 0;
};

// In order of first arrival, numbers of one stream only grow.
void expect_order_per_stream(const std::vector<std::string>& bodies) {
  std::map<std::uint64_t, std::uint64_t> next;
  std::set<std::string> seen;
  for (const std::string& body : bodies) {
    if (!seen.insert(body).second) continue;
    const std::uint64_t stream = std::stoull(body);
    const std::uint64_t number = std::stoull(body.substr(body.find(' ')));
    ASSERT_GE(number, next[stream]) << body;
    next[stream] = number + 1;
  }
}

void run(std::uint64_t seed, Crashes crashes, Bookmarks bookmarks) {
  Random random(seed);
  TaildirRig rig(Options{{"batchSize", std::to_string(random.between(1, 8))},
                         {"maxBatchCount", std::to_string(random.between(1, 3))},
                         {"cachePatternMatching", random.one_in(2) ? "true" : "false"},
                         {"maxOpenFiles", random.one_in(2) ? "512" : "4"},
                         {"idleTimeout", "1h"}});
  if (bookmarks == Bookmarks::kKept) rig.receiver().keep_bookmarks();
  rig.start();
  Writer writer(rig, random);
  const auto settle = [&] {  // everything that is whole is read, and the positions are saved
    rig.receiver().recover();
    ASSERT_TRUE(rig.poll_all().has_value());
    rig.advance(seconds(4));
    ASSERT_TRUE(rig.poll_all().has_value());
  };
  for (int step = 0; step < 120; ++step) {
    const std::uint64_t action = random.below(16);
    if (action < 6) writer.append();
    if (action == 6) writer.open_next();
    if (action == 7) writer.rename_inside();
    if (action == 8) {
      settle();
      writer.rename_outside();
    }
    if (action == 9) {
      settle();
      writer.truncate();
    }
    if (action == 10 && crashes == Crashes::kNever) {
      settle();
      writer.remove();
    }
    if (action == 11) rig.receiver().fail_next(random.below(3));
    if (action == 15 && bookmarks == Bookmarks::kKept) rig.receiver().fail_after_next(1);
    if (action == 12) rig.advance(milliseconds(random.below(5'000)));
    if (action == 13 && random.one_in(3)) rig.restart();
    if (action == 14 && crashes == Crashes::kSometimes && random.one_in(3)) rig.crash();
    for (std::uint64_t polls = random.below(4); polls > 0; --polls) {
      static_cast<void>(rig.source().poll());
    }
  }
  writer.finish_lines();
  settle();

  const std::vector<std::string> bodies = rig.receiver().bodies();
  const std::set<std::string> delivered(bodies.begin(), bodies.end());
  std::vector<std::string> missing;
  std::set_difference(writer.written().begin(), writer.written().end(), delivered.begin(),
                      delivered.end(), std::back_inserter(missing));
  EXPECT_EQ(missing, std::vector<std::string>());
  EXPECT_EQ(delivered.size() + missing.size(), writer.written().size());  // nothing was made up
  if (crashes == Crashes::kNever || bookmarks == Bookmarks::kKept) {
    EXPECT_EQ(bodies.size(), writer.written().size());
  }
  expect_order_per_stream(bodies);
}

TEST(TaildirModelTest, EveryLineArrivesOnceWhenNothingCrashes) {
  for (const std::uint64_t seed : test::seeds(25)) {
    SCOPED_TRACE(test::replay_hint(seed));
    run(seed, Crashes::kNever, Bookmarks::kNone);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(TaildirModelTest, EveryLineArrivesAtLeastOnceWhenTheAgentCrashes) {
  for (const std::uint64_t seed : test::seeds(25)) {
    SCOPED_TRACE(test::replay_hint(seed));
    run(seed, Crashes::kSometimes, Bookmarks::kNone);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(TaildirModelTest, EveryLineArrivesOnceWhenTheAgentCrashesAndTheChannelKeepsBookmarks) {
  for (const std::uint64_t seed : test::seeds(50)) {
    SCOPED_TRACE(test::replay_hint(seed));
    run(seed, Crashes::kSometimes, Bookmarks::kKept);
    if (testing::Test::HasFailure()) return;
  }
}

}  // namespace
}  // namespace spillway::agent
