#include "bench/device_control.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "wal/base/bytes.h"
#include "wal/io/aligned_buffer.h"

namespace spillway::bench {
namespace {

constexpr std::uint64_t kFileBytes = 256 * kMiB;
constexpr std::uint64_t kRawBytes = 1 * kMiB;
constexpr std::size_t kRawThreads = 8;

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
  return std::unique_ptr<DeviceControl>(new DeviceControl(std::move(file), clock));  // NOLINT
}

DeviceControl::DeviceControl(std::unique_ptr<io::File> file, const Clock& clock)
    : file_(std::move(file)), clock_(clock) {}

Result<ControlSample> DeviceControl::durable_writes(std::uint64_t duration_ns) {
  const io::AlignedBuffer block(io::kBlockBytes);
  Histogram latency;
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
  return ControlSample{.ops_per_second = static_cast<double>(count) / seconds,
                       .bytes_per_second = static_cast<double>(count * io::kBlockBytes) / seconds,
                       .p50_ns = latency.quantile(0.5),
                       .p99_ns = latency.quantile(0.99),
                       .p999_ns = latency.quantile(0.999)};
}

Result<ControlSample> DeviceControl::raw_writes(std::uint64_t duration_ns) {
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> has_failed{false};
  const std::uint64_t start = clock_.monotonic_ns();
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kRawThreads; ++i) {
    threads.emplace_back([&] {
      const io::AlignedBuffer buffer(kRawBytes);
      while (clock_.monotonic_ns() - start < duration_ns) {
        const std::uint64_t at = (next.fetch_add(1) * kRawBytes) % kFileBytes;
        if (!file_->write_at(at, buffer.span(), io::Durability::kNone).has_value()) {
          has_failed.store(true);
          return;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  if (has_failed.load()) return Error{.code = Errc::kIo, .what = "control write failed"};
  const double seconds = static_cast<double>(clock_.monotonic_ns() - start) / 1e9;
  const auto count = static_cast<double>(next.load());
  return ControlSample{.ops_per_second = count / seconds,
                       .bytes_per_second = count * static_cast<double>(kRawBytes) / seconds};
}

}  // namespace spillway::bench
