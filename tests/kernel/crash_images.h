// States in which a power cut may leave a disk, made from what was recorded of it.
//
// What was written before the last flush is there. Of what was written after it, any part: all, in
// order up to some write; or a random choice of writes, some of them torn between sectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "tests/kernel/loop_disk.h"
#include "wal/base/random.h"

namespace spillway::test {

/// Not thread-safe. The disk must be unmounted whenever it is used.
class CrashImages {
 public:
  /// Starts to record on `disk`, from its present state on.
  explicit CrashImages(LoopDisk& disk);

  /// Ends the recording. CHECKs that it is complete.
  void finish();

  /// Operations recorded: a crash may happen behind each.
  [[nodiscard]] std::size_t op_count() const { return ops_.size(); }
  [[nodiscard]] bool is_flush(std::size_t op) const { return ops_[op].op == DiskOp::kFlush; }

  /// The disk as a crash behind the first `op_count` operations leaves it: all writes, in order.
  /// `op_count` never goes down from one image to the next.
  void make(std::size_t op_count) { make_with(op_count, nullptr); }
  /// The same crash; `random` chooses what of the unflushed writes is there.
  void make(std::size_t op_count, Random& random) { make_with(op_count, &random); }

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
  void make_with(std::size_t op_count, Random* random);
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
