#include "bench/device_control.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "bench/latencies.h"
#include "wal/base/bytes.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/append_file.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kFileBytes = 256 * kMiB;
constexpr std::uint64_t kRawBytes = 1 * kMiB;

}  // namespace

Result<std::unique_ptr<DeviceControl>> DeviceControl::open(io::Directory& directory,
                                                           const Clock& clock) {
  static_cast<void>(directory.remove("control"));  // of an earlier run, if any
  TRY_ASSIGN(auto file, directory.open("control", io::OpenMode::kCreate));
  TRY(file->allocate(kFileBytes));
  const io::AlignedBuffer zeros(kRawBytes);
  for (std::uint64_t at = 0; at < kFileBytes; at += kRawBytes) {
    TRY(file->write_at(at, zeros.span(), io::Durability::kNone));
  }
  TRY(file->sync());
  std::unique_ptr<DeviceControl> opened(new DeviceControl(directory, std::move(file), clock));
  return opened;
}

DeviceControl::DeviceControl(io::Directory& directory, std::unique_ptr<io::File> file,
                             const Clock& clock)
    : directory_(directory), file_(std::move(file)), clock_(clock) {}

Result<ControlSample> DeviceControl::durable_writes(std::uint64_t duration_ns) {
  const io::AlignedBuffer block(io::kBlockBytes);
  Latencies latency;
  const std::uint64_t start = clock_.monotonic_ns();
  std::uint64_t now = start;
  std::uint64_t count = 0;
  for (std::uint64_t at = 0; now - start < duration_ns; at = (at + io::kBlockBytes) % kFileBytes) {
    TRY(file_->write_at(at, block.span(), io::Durability::kDurable));
    const std::uint64_t after = clock_.monotonic_ns();
    latency.record(after - now);
    now = after;
    ++count;
  }
  const double seconds = static_cast<double>(now - start) / 1e9;
  best_p50_ns_ = std::min(best_p50_ns_, latency.quantile(0.5));
  return ControlSample{.ops_per_second = static_cast<double>(count) / seconds,
                       .bytes_per_second = static_cast<double>(count * io::kBlockBytes) / seconds,
                       .p50_ns = latency.quantile(0.5),
                       .p99_ns = latency.quantile(0.99),
                       .p999_ns = latency.quantile(0.999)};
}

Result<ControlSample> DeviceControl::growing_writes(std::uint64_t duration_ns) {
  constexpr std::string_view kName = "control_growing";
  static_cast<void>(directory_.remove(kName));
  TRY_ASSIGN(auto file, io::AppendFile::create(directory_.path() + "/" + std::string(kName)));
  const std::vector<std::byte> block(io::kBlockBytes);
  const std::uint64_t start = clock_.monotonic_ns();
  std::uint64_t count = 0;
  while (clock_.monotonic_ns() - start < duration_ns) {
    TRY(file.append(block));
    TRY(file.sync());
    ++count;
  }
  const double seconds = static_cast<double>(clock_.monotonic_ns() - start) / 1e9;
  file.close();
  TRY(directory_.remove(kName));
  return ControlSample{.ops_per_second = static_cast<double>(count) / seconds,
                       .bytes_per_second = static_cast<double>(count * io::kBlockBytes) / seconds};
}

Result<ControlSample> DeviceControl::raw_writes(std::uint64_t duration_ns) {
  return transfer({.bytes = kRawBytes, .threads = 8}, duration_ns,
                  [this](std::uint64_t at, MutableByteSpan bytes) {
                    return file_->write_at(at, bytes, io::Durability::kNone).has_value();
                  });
}

Result<ControlSample> DeviceControl::raw_reads(std::uint64_t duration_ns) {
  return transfer({.bytes = kRawBytes, .threads = 8}, duration_ns,
                  [this](std::uint64_t at, MutableByteSpan bytes) {
                    return file_->read_at(at, bytes).has_value();
                  });
}

Result<ControlSample> DeviceControl::threaded_durable_writes(std::uint64_t bytes, std::size_t depth,
                                                             std::uint64_t duration_ns) {
  return transfer({.bytes = bytes, .threads = depth}, duration_ns,
                  [this](std::uint64_t at, MutableByteSpan block) {
                    return file_->write_at(at, block, io::Durability::kDurable).has_value();
                  });
}

Result<ControlSample> DeviceControl::queued_durable_writes(io::WriteQueue& queue,
                                                           std::uint64_t bytes,
                                                           std::uint64_t duration_ns) {
  const io::AlignedBuffer buffer(bytes);
  const std::uint64_t start = clock_.monotonic_ns();
  std::uint64_t submitted = 0;
  std::vector<io::WriteDone> done;
  while (done.size() < submitted || clock_.monotonic_ns() - start < duration_ns) {
    while (submitted - done.size() < queue.depth() && clock_.monotonic_ns() - start < duration_ns) {
      queue.submit(*file_, (submitted * bytes) % kFileBytes, buffer.span(), submitted);
      ++submitted;
    }
    queue.reap(done, io::WriteQueue::Wait::kForOne);
  }
  const double seconds = static_cast<double>(clock_.monotonic_ns() - start) / 1e9;
  for (const io::WriteDone& one : done) TRY(one.outcome);
  const auto count = static_cast<double>(done.size());
  return ControlSample{.ops_per_second = count / seconds,
                       .bytes_per_second = count * static_cast<double>(bytes) / seconds};
}

Result<BareGroupSample> DeviceControl::bare_group_commits(std::size_t threads,
                                                          std::uint64_t commit_bytes,
                                                          std::uint64_t duration_ns) {
  return commit_bare_groups(*file_,
                            {.threads = threads,
                             .commit_bytes = commit_bytes,
                             .duration_ns = duration_ns,
                             .file_bytes = kFileBytes},
                            clock_);
}

Result<ControlSample> DeviceControl::transfer(const Shape& shape, std::uint64_t duration_ns,
                                              const Transfer& one) {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> has_failed{false};
  const std::uint64_t start = clock_.monotonic_ns();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < shape.threads; ++i) {
    threads.emplace_back([&] {
      io::AlignedBuffer buffer(shape.bytes);
      while (clock_.monotonic_ns() - start < duration_ns) {
        const std::uint64_t at = (next.fetch_add(1) * shape.bytes) % kFileBytes;
        if (!one(at, buffer.span())) {
          has_failed.store(true);
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (has_failed.load()) return Error{.code = Errc::kIo, .what = "control transfer failed"};
  const double seconds = static_cast<double>(clock_.monotonic_ns() - start) / 1e9;
  const auto count = static_cast<double>(next.load());
  return ControlSample{.ops_per_second = count / seconds,
                       .bytes_per_second = count * static_cast<double>(shape.bytes) / seconds};
}

}  // namespace spillway::bench
