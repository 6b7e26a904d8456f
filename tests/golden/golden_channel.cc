// Makes the channel directories of tests/golden, and reads one as an agent would.
//
//   golden_channel make SCENARIO DIRECTORY [KEY-FILE]
//   golden_channel drain DIRECTORY [KEY-FILE]      prints the bodies, acknowledges them

#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/io/posix_file_system.h"
#include "wal/key_ring.h"

namespace spillway::test {
namespace {

using channel::FileChannel;

channel::FileChannelOptions options_of(const std::string& path, const std::string& key_file) {
  channel::FileChannelOptions options{.name = "golden",
                                      .checkpoint_dir = path + "/checkpoint",
                                      .data_dirs = {path + "/data"},
                                      .capacity_events = 10'000,
                                      .transaction_capacity = 1000,
                                      .keep_alive = std::chrono::milliseconds(0)};
  options.log.slot_bytes = 32 * kKiB;
  options.log.block_bytes_max = 4 * kKiB;
  options.log.staging_bytes_max = 64 * kKiB;
  options.log.spare_slots_min = 1;
  options.log.spare_slots_max = 2;
  options.log.background = wal::Background::kNone;
  options.log.nonce_seed = 1;
  if (key_file.empty()) return options;
  options.load_keys = [key_file]() -> Result<std::shared_ptr<const wal::KeyRing>> {
    std::ifstream in(key_file, std::ios::binary);
    const std::string secret{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    auto keys = std::make_shared<wal::KeyRing>();
    TRY(keys->add("golden", as_bytes(secret)));
    TRY(keys->set_active("golden"));
    return {std::move(keys)};
  };
  return options;
}

void put(FileChannel& channel, std::size_t count, std::size_t body_bytes = 0) {
  static std::size_t put_count = 0;
  channel::EventBatch batch;
  for (std::size_t i = 0; i < count; ++i) {
    std::string body = "event " + std::to_string(++put_count);
    if (body.size() < body_bytes) body.resize(body_bytes, '.');
    const std::vector<channel::HeaderView> headers{{.key = "host", .value = "n1"},
                                                   {.key = "", .value = "\xc3\xa4"}};
    batch.add(std::span(headers).first(i % 3), body);
  }
  CHECK(channel.put(batch).has_value());
}

std::unique_ptr<channel::TakeTransaction> take(FileChannel& channel, std::size_t count) {
  return std::move(channel.take(count, std::chrono::milliseconds(0)).value());
}

void acknowledge(FileChannel& channel, std::size_t count) {
  CHECK(take(channel, count)->commit().has_value());
}

void crash() {
  ::_exit(0);  // what is not written by now is not written
}

void clean_stop(FileChannel& channel) {
  put(channel, 3);
  acknowledge(channel, 1);
  channel.stop();
}

// The script cuts the last block short.
void torn_tail(FileChannel& channel) {
  put(channel, 2);
  put(channel, 2);
  put(channel, 1);
  crash();
}

void two_segments(FileChannel& channel) {
  for (int i = 0; i < 8; ++i) put(channel, 2, 100);
  crash();
}

void out_of_order_acks(FileChannel& channel) {
  for (int i = 0; i < 6; ++i) put(channel, 2);
  const auto first = take(channel, 3);
  acknowledge(channel, 4);
  CHECK(channel.checkpoint().has_value());
  const auto second = take(channel, 2);
  acknowledge(channel, 2);
  put(channel, 1);  // carries the last acknowledgement
  crash();
}

void encrypted(FileChannel& channel) {
  for (int i = 0; i < 4; ++i) put(channel, 2);
  acknowledge(channel, 3);
  channel.stop();
}

void large_transaction(FileChannel& channel) {
  put(channel, 1);
  put(channel, 40, 900);  // over several blocks and two segments
  put(channel, 1);
  crash();
}

// A slot is used again, and segments between others are reclaimed.
void reclaimed(FileChannel& channel) {
  for (int i = 0; i < 9; ++i) put(channel, 1);
  const auto stuck = take(channel, 1);
  for (int i = 0; i < 12; ++i) {
    put(channel, 1);
    acknowledge(channel, 1);
    CHECK(channel.checkpoint().has_value());
  }
  put(channel, 2);
  crash();
}

const std::map<std::string_view, std::function<void(FileChannel&)>> kScenarios{
    {"clean_stop", clean_stop},     {"torn_tail", torn_tail},
    {"two_segments", two_segments}, {"out_of_order_acks", out_of_order_acks},
    {"encrypted", encrypted},       {"large_transaction", large_transaction},
    {"reclaimed", reclaimed}};

int run(const std::vector<std::string>& args) {
  const bool is_make = args.size() >= 4 && args[1] == "make";
  const std::size_t at = is_make ? 3 : 2;
  if (args.size() <= at || (is_make && kScenarios.count(args[2]) == 0)) return 2;
  io::PosixFileSystem file_system;
  FakeClock clock;
  FileChannel channel(options_of(args[at], args.size() > at + 1 ? args[at + 1] : ""), file_system,
                      clock);
  const auto started = channel.start();
  if (!started.has_value()) {
    std::fprintf(stderr, "%s\n", to_string(started.error()).c_str());
    return 1;
  }
  if (is_make) {
    kScenarios.at(args[2])(channel);
  } else {
    for (const std::string& body : drain(channel)) std::printf("%s\n", body.c_str());
    channel.stop();
  }
  return 0;
}

}  // namespace
}  // namespace spillway::test

int main(int argc, char** argv) {
  spillway::set_log_level(spillway::LogLevel::kError);
  return spillway::test::run({argv, argv + argc});
}
