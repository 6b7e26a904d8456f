#include "tests/kernel/crash_images.h"

#include <algorithm>
#include <cstring>

#include "wal/base/check.h"

namespace spillway::test {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::size_t kSectorBytes = 512;

template <class IsFlush>
std::size_t behind_last_flush(std::size_t op_count, IsFlush is_flush) {
  while (op_count > 0 && !is_flush(op_count - 1)) --op_count;
  return op_count;
}

}  // namespace

CrashImages::CrashImages(LoopDisk& disk)
    : disk_(disk),
      durable_(disk.image().begin(), disk.image().end()),
      is_dirty_(durable_.size() / kPageBytes, false) {
  disk_.clear_log();
  disk_.control().is_recording = true;
}

void CrashImages::finish() {
  CHECK(!disk_.control().is_log_full);
  const auto log = disk_.log();
  log_.assign(log.begin(), log.end());
  ops_ = parse(log_);
  for (const Op& op : ops_) note_dirty(op.offset, op.bytes.size());
}

std::vector<CrashImages::Op> CrashImages::parse(std::span<const std::byte> log) {
  std::vector<Op> ops;
  while (!log.empty()) {
    DiskLogEntry entry;
    std::memcpy(&entry, log.data(), sizeof(entry));
    log = log.subspan(sizeof(entry));
    ops.push_back({.op = entry.op, .offset = entry.offset, .bytes = log.first(entry.bytes)});
    log = log.subspan(entry.bytes);
  }
  return ops;
}

void CrashImages::note_dirty(std::uint64_t offset, std::size_t bytes) {
  for (std::uint64_t page = offset / kPageBytes; page * kPageBytes < offset + bytes; ++page) {
    if (!is_dirty_[page]) dirty_.push_back(page);
    is_dirty_[page] = true;
  }
}

void CrashImages::note_what_was_written() {
  for (const Op& op : parse(disk_.log())) note_dirty(op.offset, op.bytes.size());
  disk_.clear_log();
}

void CrashImages::advance(std::size_t op_count) {
  CHECK(op_count >= durable_ops_);
  for (; durable_ops_ < op_count; ++durable_ops_) {
    const Op& op = ops_[durable_ops_];
    if (op.op != DiskOp::kWrite) continue;
    std::copy(op.bytes.begin(), op.bytes.end(),
              durable_.begin() + static_cast<std::ptrdiff_t>(op.offset));
    note_dirty(op.offset, op.bytes.size());
  }
}

void CrashImages::restore() {
  for (const std::uint64_t page : dirty_) {
    std::memcpy(disk_.image().data() + page * kPageBytes, durable_.data() + page * kPageBytes,
                kPageBytes);
    is_dirty_[page] = false;
  }
  dirty_.clear();
}

void CrashImages::write(const Op& op, Random* random) {
  if (op.op != DiskOp::kWrite) return;
  const std::uint64_t fate = random == nullptr ? 0 : random->below(8);
  if (fate >= 5) return;  // lost
  // The first page has the superblock, which ext4 itself does not protect against torn sectors.
  const bool is_torn = fate == 4 && op.offset >= kPageBytes;
  for (std::size_t at = 0; at < op.bytes.size(); at += kSectorBytes) {
    if (is_torn && random->one_in(2)) continue;
    const std::size_t bytes = std::min(kSectorBytes, op.bytes.size() - at);
    std::memcpy(disk_.image().data() + op.offset + at, op.bytes.data() + at, bytes);
  }
  note_dirty(op.offset, op.bytes.size());
}

void CrashImages::write_all(std::span<const Op> ops, Random* random) {
  for (const Op& op : ops) write(op, random);
}

std::vector<Crash> CrashImages::choose(std::size_t count, Random& random) const {
  std::vector<Crash> all;
  for (std::size_t ops = 0; ops <= ops_.size(); ++ops) {
    all.push_back({.ops = ops, .is_random = false});
    const bool is_flushed = ops == 0 || is_flush(ops - 1);
    if (!is_flushed) all.insert(all.end(), 2, {.ops = ops, .is_random = true});
  }
  while (all.size() > count) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(random.below(all.size())));
  }
  return all;
}

std::string CrashImages::describe(const Crash& crash) const {
  return "crash behind operation " + std::to_string(crash.ops) + " of " +
         std::to_string(ops_.size()) + (crash.is_random ? ", random choice" : ", in order");
}

void CrashImages::make(const Crash& crash, Random& random) {
  CHECK(crash.ops <= ops_.size());
  advance(behind_last_flush(crash.ops, [this](std::size_t op) { return is_flush(op); }));
  last_op_count_ = crash.ops;
  last_random_ = crash.is_random ? std::optional(Random(random.next())) : std::nullopt;
  put_back();
  disk_.drop_caches();
}

// Makes the last image once more.
void CrashImages::put_back() {
  note_what_was_written();
  restore();
  std::optional<Random> random = last_random_;
  write_all(std::span(ops_).subspan(durable_ops_, last_op_count_ - durable_ops_),
            random ? &*random : nullptr);
}

std::size_t CrashImages::make_second(Random& random) {
  const std::vector<std::byte> log(disk_.log().begin(), disk_.log().end());
  const std::vector<Op> ops = parse(log);
  put_back();
  const std::size_t crash = random.below(ops.size() + 1);
  const std::size_t flushed =
      behind_last_flush(crash, [&ops](std::size_t op) { return ops[op].op == DiskOp::kFlush; });
  write_all(std::span(ops).first(flushed), nullptr);
  write_all(std::span(ops).subspan(flushed, crash - flushed), &random);
  disk_.drop_caches();
  return crash;
}

}  // namespace spillway::test
