// spillway-bench-peers: durable puts of our channel and of embedded stores, side by side.
//
// Every round measures all of them one after the other, between two controls of the device; the
// ratio is ours to the best of the others in the same round. Bare groups, in each round too, are
// what the machine leaves for any of them.
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "bench/arguments.h"
#include "bench/bench_channel.h"
#include "bench/device_control.h"
#include "bench/peers/peer.h"
#include "bench/peers/peer_load.h"
#include "bench/report_file.h"
#include "bench/samples.h"
#include "wal/base/log.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {
namespace {

constexpr std::string_view kUsage =
    "usage: spillway-bench-peers [--dir DIR] [--threads N,N…] [--batch N,N…] [--event-bytes N]\n"
    "                            [--sample-millis N] [--samples N] [--cell-seconds-max N]\n"
    "                            [--json FILE]\n"
    "\n"
    "Commits the same events durably to a file channel and to embedded stores in DIR (default: "
    "the\n"
    "current directory); --samples (5) rounds for each combination of threads and batch.\n";

struct Arguments {
  std::string directory = ".";
  std::string json_path = {};
  std::vector<std::uint64_t> threads{1, 8, 64};
  std::vector<std::uint64_t> batches{1, 100, 1000};
  std::uint64_t event_bytes = 500;
  std::uint64_t sample_millis = 400;
  std::uint64_t samples = 5;
  std::uint64_t cell_seconds_max = 30;
};

std::optional<std::string> set_argument(Arguments& arguments, std::string_view name,
                                        std::string_view value) {
  if (name == "--dir" || name == "--json") {
    (name == "--dir" ? arguments.directory : arguments.json_path) = value;
    return std::nullopt;
  }
  const auto numbers = parse_numbers(value);
  if (!numbers || std::find(numbers->begin(), numbers->end(), 0) != numbers->end()) {
    return fmt::format("{} {}: numbers from 1 on are wanted", name, value);
  }
  if (name == "--threads") {
    arguments.threads = *numbers;
  } else if (name == "--batch") {
    arguments.batches = *numbers;
  } else if (numbers->size() != 1) {
    return fmt::format("{} {}: one number is wanted", name, value);
  } else if (name == "--event-bytes") {
    arguments.event_bytes = numbers->front();
  } else if (name == "--sample-millis") {
    arguments.sample_millis = numbers->front();
  } else if (name == "--samples") {
    arguments.samples = numbers->front();
  } else if (name == "--cell-seconds-max") {
    arguments.cell_seconds_max = numbers->front();
  } else {
    return fmt::format("{}: there is no such option", name);
  }
  return std::nullopt;
}

using Peers = std::vector<std::unique_ptr<Peer>>;  // ours is the first

Result<Peers> open_peers(const std::string& work) {
  struct Row {
    const char* name;
    Result<std::unique_ptr<Peer>> (*open)(const std::string& directory);
  };
  Peers peers;
  for (const Row& row : {Row{"spillway", open_spillway}, Row{"rocksdb", open_rocksdb},
                         Row{"lmdb", open_lmdb}, Row{"sqlite", open_sqlite}}) {
    const std::string directory = work + "/peer-" + row.name;
    remove_files(directory);
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    TRY_ASSIGN(auto peer, row.open(directory));
    peers.push_back(std::move(peer));
  }
  return peers;
}

// Of one peer in a sample, in this order. Behind all peers: the ratio of ours to the best of them,
// and the events of bare groups.
enum Quantity : std::size_t { kEvents, kP50, kP99, kQuantityCount };

std::size_t ratio_index(const Peers& peers) {
  return peers.size() * kQuantityCount;
}

Result<std::vector<double>> measure_round(const Peers& peers, const PeerLoad& load,
                                          std::size_t first, DeviceControl& device) {
  std::vector<double> values(peers.size() * kQuantityCount);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const std::size_t at = (first + i) % peers.size();  // nobody gains by a place
    TRY_ASSIGN(const PeerSample s, run_load(*peers[at], load, device.clock()));
    TRY(peers[at]->clear());
    values[at * kQuantityCount + kEvents] = s.events_per_second;
    values[at * kQuantityCount + kP50] = s.p50_us;
    values[at * kQuantityCount + kP99] = s.p99_us;
  }
  double best = 0;
  for (std::size_t i = 1; i < peers.size(); ++i) {
    best = std::max(best, values[i * kQuantityCount + kEvents]);
  }
  values.push_back(values[kEvents] / best);
  TRY_ASSIGN(const BareGroupSample bare,
             device.bare_group_commits(load.threads, load.batch_events * load.event_bytes,
                                       load.duration_ns));
  values.push_back(bare.commits_per_second * static_cast<double>(load.batch_events));
  return values;
}

void print_cell(const PeerLoad& load, const Peers& peers, const SampleSet& samples) {
  std::string row = fmt::format("{:>7} {:>6}", load.threads, load.batch_events);
  for (std::size_t i = 0; i < peers.size(); ++i) {
    row += fmt::format(" {:>11.0f}", summarize(samples, i * kQuantityCount + kEvents).median);
  }
  row += fmt::format(" {:>11.0f}", summarize(samples, ratio_index(peers) + 1).median);
  const Summary ratio = summarize(samples, ratio_index(peers));
  if (ratio.accepted == 0) {
    fmt::print("{:>7} {:>6} not measured: the device was never quiet, {} rounds dropped\n",
               load.threads, load.batch_events, ratio.dropped);
    return;
  }
  fmt::print("{} {:>7.2f} {:>13} {:>5}/{}\n", row, ratio.median,
             fmt::format("{:.2f}-{:.2f}", ratio.min, ratio.max), ratio.accepted, ratio.dropped);
  static_cast<void>(std::fflush(stdout));
}

ReportRow report_row(const PeerLoad& load, const Peers& peers, const SampleSet& samples) {
  const Summary ratio = summarize(samples, ratio_index(peers));
  ReportRow row{{"threads", static_cast<double>(load.threads)},
                {"batch", static_cast<double>(load.batch_events)},
                {"event_bytes", static_cast<double>(load.event_bytes)}};
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const std::string name(peers[i]->name());
    const std::size_t at = i * kQuantityCount;
    const Summary events = summarize(samples, at + kEvents);
    row.emplace_back(name + "_events_per_second", events.median);
    row.emplace_back(name + "_events_per_second_min", events.min);
    row.emplace_back(name + "_events_per_second_max", events.max);
    row.emplace_back(name + "_p50_us", summarize(samples, at + kP50).median);
    row.emplace_back(name + "_p99_us", summarize(samples, at + kP99).median);
  }
  row.emplace_back("bare_events_per_second", summarize(samples, ratio_index(peers) + 1).median);
  row.emplace_back("ratio_to_best", ratio.median);
  row.emplace_back("ratio_min", ratio.min);
  row.emplace_back("ratio_max", ratio.max);
  row.emplace_back("accepted", static_cast<double>(ratio.accepted));
  row.emplace_back("dropped", static_cast<double>(ratio.dropped));
  return row;
}

Result<void> run(const Arguments& arguments, const std::string& work, Report& report) {
  const SystemClock clock;
  io::PosixFileSystem file_system;
  TRY_ASSIGN(const auto directory,
             file_system.open_directory(work, io::FileSystem::Missing::kCreate));
  TRY_ASSIGN(const auto control, DeviceControl::open(*directory, clock));
  TRY_ASSIGN(const Peers peers, open_peers(work));
  fmt::print("{} bytes per event; events per second, every commit durable\n\n{:>7} {:>6}",
             arguments.event_bytes, "threads", "batch");
  for (const auto& peer : peers) fmt::print(" {:>11}", peer->name());
  fmt::print(" {:>11} {:>7} {:>13} {:>7}\n", "bare groups", "x best", "spread", "ok/out");
  for (const std::uint64_t batch : arguments.batches) {
    for (const std::uint64_t threads : arguments.threads) {
      const PeerLoad load{.threads = threads,
                          .batch_events = batch,
                          .event_bytes = arguments.event_bytes,
                          .duration_ns = arguments.sample_millis * 1'000'000};
      std::size_t round = 0;
      TRY_ASSIGN(const auto samples,
                 sample(*control,
                        {.wanted = arguments.samples,
                         .time_max_ns = arguments.cell_seconds_max * 1'000'000'000},
                        [&](const ControlSample& /*before*/) {
                          return measure_round(peers, load, round++, *control);
                        }));
      print_cell(load, peers, samples);
      report.rows.push_back(report_row(load, peers, samples));
    }
  }
  return {};
}

int peers_main(std::span<const std::string_view> words) {
  Arguments arguments;
  const auto problem = read_arguments(words, [&](std::string_view name, std::string_view value) {
    return set_argument(arguments, name, value);
  });
  if (problem) {
    fmt::print(stderr, "spillway-bench-peers: {}\n\n{}", *problem, kUsage);
    return kExitBadUsage;
  }
  set_log_level(LogLevel::kWarn);
  const std::string work = arguments.directory + "/spillway-bench-peers";
  Report report{.kind = "peers", .command = "spillway-bench-peers"};
  for (const std::string_view word : words) report.command += " " + std::string(word);
  Result<void> done = run(arguments, work, report);
  remove_files(work);
  if (done.has_value() && !arguments.json_path.empty()) {
    done = write_report(arguments.json_path, report);
  }
  if (done.has_value()) return kExitFine;
  fmt::print(stderr, "spillway-bench-peers: {}\n", to_string(done.error()));
  return kExitFailed;
}

}  // namespace
}  // namespace spillway::bench

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  return spillway::bench::peers_main(words);
}
