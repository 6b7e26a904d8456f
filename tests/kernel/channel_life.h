// One process's life with a file channel on a real file system: producers, a consumer and the
// threads of production, busy with rotation, recycling and checkpoints all the time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "channel/file_channel.h"
#include "tests/kernel/ledger.h"
#include "wal/base/clock.h"
#include "wal/base/result.h"
#include "wal/io/file.h"

namespace spillway::test {

struct LifePlan {
  std::uint64_t seed = 1;
  std::uint32_t batches = 60;  // of each producer
  bool is_strict = true;       // an acknowledgement is durable before commit() returns
  bool has_ring = false;       // io_uring writes, else threads
  bool stops = true;           // ends in order, else in the middle of everything
  bool may_fail = false;       // puts and takes; the life ends after a few failures
  bool is_durable = true;      // false: a channel that lies, to see that it is found out
};

/// Below `path`; small slots and blocks, several writes in flight.
channel::FileChannelOptions life_options(const std::string& path, const LifePlan& plan);

/// What a life needs of the world.
struct LifeSupport {
  io::FileSystem& file_system;
  const Clock& clock;
  std::function<void(channel::FileChannel&)> judge = {};  // called behind the start
  std::function<Moment()> now = [] { return Moment{0}; };
};

/// live() with all there is to choose.
bool live_from(const LifeSupport& support, const std::string& path, const LifePlan& plan,
               Ledger& ledger);

/// Opens the channel, lets the producers put their batches and a consumer take most of them, and
/// ends as planned. Every promise goes to `ledger` with the moment `now()`. To be called in a
/// process of its own that ends afterwards. False: an operation failed that must not fail.
bool live(io::FileSystem& file_system, const std::string& path, const LifePlan& plan,
          Ledger& ledger, const std::function<Moment()>& now);

/// What is done with a channel that has been started, before a clean stop.
using Then = std::function<void(channel::FileChannel&)>;

/// Starts the channel below `path` without threads, and looks. Reports to GoogleTest when it does
/// not start or finds anything lost.
std::vector<std::string> look_after_start(const std::string& path, const Then& then = {});

/// The same, but a start that fails is for the caller to judge.
Result<std::vector<std::string>> try_look_after_start(const std::string& path,
                                                      const Then& then = {});

}  // namespace spillway::test
