// spillway-bench-load: loads on our channel, and the control of the device, on command. The other
// half of bench/peers/flume/FlumeLoad.java; bench/peers/flume/compare.py drives both.
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/arguments.h"
#include "bench/device_control.h"
#include "bench/peers/peer_load.h"
#include "bench/peers/spillway_peer.h"
#include "bench/peers/take_load.h"
#include "wal/base/log.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: spillway-bench-load DIR strict|lazy\n"
    "\n"
    "Works in DIR; strict, lazy: when a take is acknowledged durably. Reads commands, one per "
    "line,\n"
    "and answers each with one line, `ok name=value...` or `failed WHY`:\n"
    "  control MILLIS                         durable 4 KiB writes, one after the other\n"
    "  put THREADS BATCH EVENT_BYTES MILLIS   durable puts, then empties the channel\n"
    "  take BATCH EVENT_BYTES MILLIS BACKLOG  takes of one thread, with BACKLOG events to begin "
    "with\n";

constexpr std::uint64_t kNsPerMilli = 1'000'000;

/// Opens what a command needs when it is needed.
class Loads {
 public:
  Loads(std::string directory, channel::AckDurability acks)
      : directory_(std::move(directory)), acks_(acks) {}
  Loads(const Loads&) = delete;
  Loads& operator=(const Loads&) = delete;
  ~Loads() {
    peer_.reset();
    remove_files(channel_directory());
  }

  Result<std::string> control(std::uint64_t millis) {
    if (device_ == nullptr) {
      TRY_ASSIGN(control_directory_,
                 file_system_.open_directory(directory_, io::FileSystem::Missing::kCreate));
      TRY_ASSIGN(device_, DeviceControl::open(*control_directory_, clock_));
    }
    TRY_ASSIGN(const ControlSample s, device_->durable_writes(millis * kNsPerMilli));
    return fmt::format("ok p50_us={:.3f} ops_per_second={:.1f}",
                       static_cast<double>(s.p50_ns) / 1e3, s.ops_per_second);
  }

  Result<std::string> put(const PeerLoad& load) {
    TRY(open_peer());
    TRY_ASSIGN(const PeerSample sample, run_load(*peer_, load, clock_));
    TRY(peer_->clear());
    return answer(sample);
  }

  Result<std::string> take(const TakeLoad& load) {
    TRY(open_peer());
    TRY_ASSIGN(const PeerSample sample, run_takes(peer_->channel(), load, clock_));
    return answer(sample);
  }

 private:
  static std::string answer(const PeerSample& s) {
    return fmt::format("ok events_per_second={:.1f} p50_us={:.3f} p99_us={:.3f}",
                       s.events_per_second, s.p50_us, s.p99_us);
  }

  [[nodiscard]] std::string channel_directory() const { return directory_ + "/channel"; }

  Result<void> open_peer() {
    if (peer_ != nullptr) return {};
    remove_files(channel_directory());
    TRY_ASSIGN([[maybe_unused]] const auto created,
               file_system_.open_directory(channel_directory(), io::FileSystem::Missing::kCreate));
    TRY_ASSIGN(peer_, SpillwayPeer::open(channel_directory(), acks_));
    return {};
  }

  const std::string directory_;
  const channel::AckDurability acks_;
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  std::unique_ptr<io::Directory> control_directory_;
  std::unique_ptr<DeviceControl> device_;
  std::unique_ptr<SpillwayPeer> peer_;
};

struct Command {
  std::string name = {};
  std::vector<std::uint64_t> numbers = {};
};

// Nothing: a word that should be a number from 1 on is not.
std::optional<Command> parse_command(std::string_view line) {
  Command command;
  command.name = line.substr(0, line.find(' '));
  line.remove_prefix(command.name.size());
  while (!line.empty()) {
    line.remove_prefix(1);
    const std::string_view word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
    const auto number = parse_count(word);
    if (!number) return std::nullopt;
    command.numbers.push_back(*number);
  }
  return command;
}

std::string answer_to(std::string_view line, Loads& loads) {
  const auto command = parse_command(line);
  const std::size_t count = command ? command->numbers.size() : 0;
  Result<std::string> answer = std::string("failed no such command");
  if (command && command->name == "control" && count == 1) {
    answer = loads.control(command->numbers[0]);
  } else if (command && command->name == "put" && count == 4) {
    answer = loads.put({.threads = command->numbers[0],
                        .batch_events = command->numbers[1],
                        .event_bytes = command->numbers[2],
                        .duration_ns = command->numbers[3] * kNsPerMilli});
  } else if (command && command->name == "take" && count == 4) {
    answer = loads.take({.batch_events = command->numbers[0],
                         .event_bytes = command->numbers[1],
                         .duration_ns = command->numbers[2] * kNsPerMilli,
                         .backlog_events = command->numbers[3]});
  }
  return answer.has_value() ? answer.value() : "failed " + to_string(answer.error());
}

int load_main(const std::vector<std::string_view>& words) {
  if (words.size() != 2 || (words[1] != "strict" && words[1] != "lazy")) {
    fmt::print(stderr, "{}", kUsage);
    return kExitBadUsage;
  }
  set_log_level(LogLevel::kWarn);
  const auto acks =
      words[1] == "strict" ? channel::AckDurability::kStrict : channel::AckDurability::kLazy;
  Loads loads{std::string(words[0]), acks};
  std::string line;
  while (std::getline(std::cin, line)) {
    fmt::print("{}\n", answer_to(line, loads));
    static_cast<void>(std::fflush(stdout));
  }
  return kExitFine;
}

}  // namespace
}  // namespace spillway::bench

int main(int argc, char** argv) {
  return spillway::bench::load_main({argv + 1, argv + argc});
}
