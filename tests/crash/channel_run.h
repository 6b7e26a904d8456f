// Uses a file channel on a simulated disk as sources and sinks would, through crashes and errors,
// and keeps track of what it was promised.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "channel/file_channel.h"
#include "tests/crash/nonce_ledger.h"
#include "tests/crash/promise.h"
#include "tests/support/fake_clock.h"
#include "tests/support/sim_disk.h"
#include "wal/bookmark.h"

namespace spillway::test {

/// How the channel's blocks reach its disks.
enum class Writing : std::uint8_t {
  kPlain,
  kRing,      // through the disk's queue, up to four at a time
  kTwoDisks,  // two data directories, and blocks that lie on both
};

/// For the names of parameterised tests.
std::string writing_name(Writing writing);

/// Slots of 32 KiB, blocks of one device block, no threads: six blocks fill a segment.
channel::FileChannelOptions crash_options(Writing writing = Writing::kPlain);

enum class Encryption : std::uint8_t {
  kNone,
  kRotating,  // each start has a new active key, and those before it
};

/// One process's life with the channel, or several. Every step tolerates failure: it notes what was
/// promised and goes on, so that a workload is the same list of steps whatever happens.
class ChannelRun {
 public:
  explicit ChannelRun(SimDisk& disk, channel::AckDurability acks = channel::AckDurability::kLazy,
                      Encryption encryption = Encryption::kNone, Writing writing = Writing::kPlain)
      : disk_(disk), writing_(writing), ack_durability_(acks), encryption_(encryption) {}

  /// The channel sees `disk` through `files`.
  ChannelRun(SimDisk& disk, io::FileSystem& files) : ChannelRun(disk) { files_ = &files; }

  bool start();
  void stop();

  /// One transaction of `count` events of about `body_bytes` each.
  void put(std::size_t count, std::size_t body_bytes = 20);
  void take_and_commit(std::size_t count);
  void take_and_roll_back(std::size_t count);

  /// Takes and does not answer: the sink hangs. After a stop nothing is left of it.
  void take_and_hang(std::size_t count);
  /// The oldest of the hanging transactions comes to its end after all.
  void commit_hanging();
  void roll_back_hanging();
  void checkpoint();

  [[nodiscard]] const Promise& promise() const { return promise_; }

  /// Of the blocks that have been written so far, with encryption.
  [[nodiscard]] const NonceLedger& ledger() const { return ledger_; }

  /// Slot files of the running channel, spare ones included.
  [[nodiscard]] std::uint64_t slot_files() const;

 private:
  void note_nonces();
  std::unique_ptr<channel::TakeTransaction> pop_hanging();
  void commit(channel::TakeTransaction& taken);

  SimDisk& disk_;
  io::FileSystem* files_ = &disk_;
  const Writing writing_;
  const channel::AckDurability ack_durability_;
  const Encryption encryption_;
  std::size_t start_count_ = 0;
  NonceLedger ledger_;
  FakeClock clock_;
  std::unique_ptr<channel::FileChannel> channel_;  // nullptr while not started
  std::deque<std::unique_ptr<channel::TakeTransaction>> hanging_;
  std::size_t put_count_ = 0;
  Promise promise_{.has_bookmarks = true};
};

/// All events of the channel on `disk`, in order, after a start and before a clean stop. Reports to
/// GoogleTest when the start finds anything lost.
/// `bookmarks`: as that start has found them.
std::vector<std::string> reopened(SimDisk& disk,
                                  const channel::FileChannelOptions& options = crash_options(),
                                  wal::Bookmarks* bookmarks = nullptr);

/// Starts a channel on `disk` and checks it against `promise`; then puts one more batch, loses
/// power again, and checks that exactly what was there before and that batch are there. Reports
/// failures to GoogleTest.
///
/// A slot file whose name can never become durable, because the sync of its directory has failed,
/// goes with the next power loss, whatever is written to it; nobody can know. The second power loss
/// is left out when there is one.
void expect_promise_kept(SimDisk& disk, const Promise& promise, Writing writing = Writing::kPlain);

/// The same for a run with Encryption::kRotating: the key is changed once more at each start, and
/// no nonce of `ledger` is used again.
void expect_encrypted_promise_kept(SimDisk& disk, const Promise& promise, NonceLedger ledger);

}  // namespace spillway::test
