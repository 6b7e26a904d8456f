#include "agent/recover/replay_state.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include "agent/recover/plain_words.h"
#include "wal/base/bytes.h"
#include "wal/io/os_error.h"
#include "wal/io/replace_file.h"

namespace spillway::agent::recover {
namespace {

constexpr std::string_view kFirstLine = "spillway replay 1";
constexpr Error kNoState{.code = Errc::kCorrupt, .what = "it is not the state of a replay"};

}  // namespace

Result<void> ReplayState::load() {
  std::error_code error;
  const bool is_there = std::filesystem::exists(path_, error);
  if (error) return io::os_error(error.value(), "cannot look for the state");
  if (!is_there) return {};
  std::ifstream in(path_);
  std::string line;
  if (!std::getline(in, line) || line != kFirstLine) return kNoState;
  if (!std::getline(in, line)) return kNoState;
  if (line != "channel " + hex(channel_)) {
    return Error{.code = Errc::kCorrupt, .what = "it is the state of another channel's replay"};
  }
  checkpoint::AckState done;
  bool is_complete = false;
  while (std::getline(in, line)) {
    std::istringstream words(line);
    std::string word;
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    words >> word;
    if (word == "end") {
      is_complete = true;
    } else if (word == "done" && words >> first >> end && first >= 1 && first < end) {
      done.add({.first = {first}, .end = {end}});
    } else {
      return kNoState;
    }
  }
  if (!is_complete) return kNoState;
  done_ = std::move(done);
  return {};
}

Result<void> ReplayState::add(wal::SequenceRange done) {
  if (done.is_empty()) return {};
  done_.add(done);
  return store();
}

Result<void> ReplayState::store() const {
  std::string text = fmt::format("{}\nchannel {}\n", kFirstLine, hex(channel_));
  if (done_.below().value > 1) text += fmt::format("done 1 {}\n", done_.below().value);
  for (const wal::SequenceRange& range : done_.ranges()) {
    text += fmt::format("done {} {}\n", range.first.value, range.end.value);
  }
  text += "end\n";
  return io::replace_file(path_, as_bytes(text));
}

}  // namespace spillway::agent::recover
