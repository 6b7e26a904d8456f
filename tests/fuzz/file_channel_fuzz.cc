// Fuzz target: a whole small directory under a channel that works on it. Whatever it finds there, a
// channel that starts delivers what it found, again when it is given back, keeps what is put into
// it over a restart, and has nothing left once everything is acknowledged.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "channel/file_channel.h"
#include "tests/fuzz/packed_image.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "wal/base/check.h"
#include "wal/base/hash.h"
#include "wal/base/log.h"

namespace spillway {
namespace {

using channel::FileChannel;

constexpr std::size_t kTakesMax = 200;
const std::string kBody = "one more";

// All events, given back afterwards, or acknowledged.
std::vector<std::string> take_all(FileChannel& channel, bool is_committed) {
  std::vector<std::string> bodies;
  std::vector<std::unique_ptr<channel::TakeTransaction>> open;
  for (std::size_t i = 0; i < kTakesMax; ++i) {
    auto taken = channel.take(100, std::chrono::milliseconds(0));
    CHECK(taken.has_value());
    if (taken.value()->events().empty()) break;
    for (const std::string& body : test::bodies_of(taken.value()->events())) bodies.push_back(body);
    open.push_back(std::move(taken.value()));
  }
  for (const auto& transaction : open) {
    if (!is_committed) transaction->rollback();
    if (is_committed) CHECK(transaction->commit().has_value());
  }
  return bodies;
}

// Nonces as good as random: with those that the corpus was made with, blocks that lie in a slot
// would be valid again once it is used anew, as they never are.
channel::FileChannelOptions options_of(ByteSpan input, std::uint64_t life) {
  channel::FileChannelOptions options = test::packed_options();
  options.log.nonce_seed = xxh3_64(input, life) | 1U;
  return options;
}

void run(ByteSpan input) {
  set_log_level(LogLevel::kError);
  test::FlatDisk disk(test::to_disk(test::unpack(input)));
  test::FakeClock clock;
  bool is_put = false;
  {
    FileChannel channel(options_of(input, 1), disk, clock);
    const auto started = channel.start();
    if (!started.has_value()) {
      CHECK(started.error().code != Errc::kIo);
      return;
    }
    const std::vector<std::string> bodies = take_all(channel, /*is_committed=*/false);
    CHECK(take_all(channel, /*is_committed=*/false) == bodies);
    is_put = channel.put(test::batch_of({kBody})).has_value();
    channel.stop();
  }
  {
    FileChannel channel(options_of(input, 2), disk, clock);
    CHECK(channel.start().has_value());
    const std::vector<std::string> again = take_all(channel, /*is_committed=*/true);
    if (is_put) CHECK(!again.empty());
    if (is_put) CHECK(again.back() == kBody);
    // Not compared: sound structures that contradict each other may be judged once more, now that
    // the log goes on. Damage is held to that by the fault atlas.
    channel.stop();
  }
  FileChannel channel(options_of(input, 3), disk, clock);
  CHECK(channel.start().has_value());
  CHECK(take_all(channel, /*is_committed=*/true).empty());
  channel.stop();
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::run(std::as_bytes(std::span(data, size)));
  return 0;
}
