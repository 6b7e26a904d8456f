// States in which a power cut may leave a disk, made from what was recorded of it.
//
// What was written before the last flush is there. Of what was written after it, any part: all, in
// order up to some write; or a random choice of writes, some of them torn between sectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/kernel/loop_disk.h"
#include "wal/base/random.h"

namespace spillway::test {

/// One crash behind `ops` operations.
struct Crash {
  std::size_t ops = 0;
  bool is_random = false;  // a choice of what was not flushed; else all of it, in order
};

/// Not thread-safe. The disk must be unmounted whenever it is used.
class CrashImages {
 public:
  /// Starts to record on `disk`, from its present state on.
  explicit CrashImages(LoopDisk& disk);

  /// Ends the recording. CHECKs that it is complete.
  void finish();

  /// Operations recorded: a crash may happen behind each.
  [[nodiscard]] std::size_t op_count() const { return ops_.size(); }
  /// For a failure message.
  [[nodiscard]] std::string describe(const Crash& crash) const;

  [[nodiscard]] bool is_flush(std::size_t op) const { return ops_[op].op == DiskOp::kFlush; }

  /// Behind each flush and each write, and choices of what was not flushed: `count` of them, or
  /// all there are, in order.
  [[nodiscard]] std::vector<Crash> choose(std::size_t count, Random& random) const;

  /// Puts the disk into the state that `crash` leaves; `random` chooses. Crashes come in order.
  void make(const Crash& crash, Random& random);

  /// The last image, used since and then hit by a second crash, of which `random` chooses the
  /// moment and what is there. Returns that moment, in operations since the image was made.
  std::size_t make_second(Random& random);

 private:
  struct Op {
    DiskOp op = DiskOp::kFlush;
    std::uint64_t offset = 0;
    std::span<const std::byte> bytes{};
  };

  static std::vector<Op> parse(std::span<const std::byte> log);
  void put_back();
  void advance(std::size_t op_count);
  void write_all(std::span<const Op> ops, Random* random);
  void write(const Op& op, Random* random);
  void note_dirty(std::uint64_t offset, std::size_t bytes);
  void note_what_was_written();
  void restore();

  LoopDisk& disk_;
  std::vector<std::byte> durable_;  // the disk as of the last flush that was passed
  std::size_t durable_ops_ = 0;
  std::vector<std::byte> log_;
  std::vector<Op> ops_;
  std::vector<bool> is_dirty_;         // by page: the image may differ from `durable_`
  std::vector<std::uint64_t> dirty_;   // the same pages
  std::size_t last_op_count_ = 0;      // of the last image
  std::optional<Random> last_random_;  // and how its choice began
};

}  // namespace spillway::test
