// Makes a channel directory out of a seed, for readers to agree on: batches of all sizes, events
// with odd headers, acknowledgements out of order, segments that are used again and reclaimed,
// large transactions; stopped in order or cut off.
//
//   make_channel_directory DIRECTORY SEED stop|kill [KEY-FILE]

#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "channel/file_channel.h"
#include "tests/support/fake_clock.h"
#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/base/random.h"
#include "wal/io/posix_file_system.h"
#include "wal/key_ring.h"

namespace spillway::test {
namespace {

using channel::TakeTransaction;

channel::FileChannelOptions options_of(const std::string& path, std::uint64_t seed,
                                       const std::string& key_file) {
  channel::FileChannelOptions options{.name = "made",
                                      .checkpoint_dir = path + "/checkpoint",
                                      .data_dirs = {path + "/data"},
                                      .capacity_events = 100'000,
                                      .transaction_capacity = 1000,
                                      .keep_alive = std::chrono::milliseconds(0)};
  options.log.slot_bytes = (16 + 8 * (seed % 5)) * kKiB * 2;
  options.log.block_bytes_max = 4 * kKiB << (seed % 3);
  options.log.staging_bytes_max = 256 * kKiB;
  options.log.spare_slots_min = 1;
  options.log.spare_slots_max = 3;
  options.log.background = wal::Background::kNone;
  options.log.nonce_seed = seed * 2 + 1;
  if (key_file.empty()) return options;
  options.load_keys = [key_file]() -> Result<std::shared_ptr<const wal::KeyRing>> {
    std::ifstream in(key_file, std::ios::binary);
    const std::string secret{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    auto keys = std::make_shared<wal::KeyRing>();
    TRY(keys->add("k1", as_bytes(secret)));
    TRY(keys->set_active("k1"));
    return {std::move(keys)};
  };
  return options;
}

class Maker {
 public:
  Maker(const std::string& path, std::uint64_t seed, const std::string& key_file)
      : random_(seed), channel_(options_of(path, seed, key_file), file_system_, clock_) {
    CHECK(channel_.start().has_value());
  }

  void run() {
    const std::uint64_t steps = random_.between(20, 160);
    for (std::uint64_t i = 0; i < steps; ++i) step();
  }

  void stop() {
    for (auto& transaction : open_) transaction->rollback();
    open_.clear();
    channel_.stop();
  }

 private:
  void step() {
    const std::uint64_t kind = random_.below(20);
    if (kind < 11) {
      put(random_.between(1, 4), random_.between(0, 200));
    } else if (kind == 11) {
      put(random_.between(20, 120), random_.between(100, 400));  // over several blocks
    } else if (kind < 15) {
      take(random_.between(1, 9));
    } else if (kind < 18 && !open_.empty()) {
      finish(random_.below(open_.size()));
    } else if (kind == 18) {
      CHECK(channel_.checkpoint().has_value());
    } else {
      take(60);
      while (open_.size() > 1) finish(open_.size() - 1);
    }
  }

  void put(std::uint64_t count, std::uint64_t body_bytes) {
    constexpr std::array<std::string_view, 5> kOdd{"host", "", "\xff\xfe", "\xc3\xa4 \"q\"\n", "k"};
    channel::EventBatch batch;
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string body = "event " + std::to_string(++put_count_) + " ";
      while (body.size() < body_bytes) body += static_cast<char>(random_.below(256));
      const std::array headers{
          channel::HeaderView{.key = kOdd[random_.below(kOdd.size())], .value = "v"},
          channel::HeaderView{.key = "second", .value = kOdd[random_.below(kOdd.size())]}};
      batch.add(std::span(headers).first(random_.below(3)), body);
    }
    const std::string source = "r" + std::to_string(random_.below(20));
    const std::string place = std::to_string(put_count_);
    if (random_.one_in(3)) batch.set_bookmark({.key = source, .value = place});
    const auto done = channel_.put(batch);
    CHECK(done.has_value());
  }

  void take(std::uint64_t count) {
    auto taken = channel_.take(count, std::chrono::milliseconds(0));
    CHECK(taken.has_value());
    if (!taken.value()->events().empty()) open_.push_back(std::move(taken.value()));
  }

  void finish(std::uint64_t index) {
    const auto at = open_.begin() + static_cast<std::ptrdiff_t>(index);
    if (random_.one_in(5)) {
      (*at)->rollback();
    } else {
      CHECK((*at)->commit().has_value());
    }
    open_.erase(at);
  }

  Random random_;
  io::PosixFileSystem file_system_;
  FakeClock clock_;
  channel::FileChannel channel_;
  std::vector<std::unique_ptr<TakeTransaction>> open_;
  std::uint64_t put_count_ = 0;
};

}  // namespace
}  // namespace spillway::test

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv, argv + argc);
  if (args.size() < 4) return 2;
  spillway::set_log_level(spillway::LogLevel::kError);
  const std::uint64_t seed = std::strtoull(args[2].c_str(), nullptr, 10);
  spillway::test::Maker maker(args[1], seed, args.size() > 4 ? args[4] : "");
  maker.run();
  if (args[3] == "kill") ::_exit(0);  // what is not written by now is not written
  maker.stop();
  return 0;
}
