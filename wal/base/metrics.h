// Counters, gauges and log-scale histograms, and the visitor that publishes them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace spillway {

/// Monotonic count; thread-safe, relaxed: readers see a recent value, not a consistent set.
class Counter {
 public:
  void add(std::uint64_t n = 1) { value_.fetch_add(n, std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Distribution of a non-negative quantity in buckets of at most 12.5 % relative width.
/// Thread-safe, relaxed, allocation-free.
class Histogram {
 public:
  void record(std::uint64_t value);
  [[nodiscard]] std::uint64_t count() const;
  [[nodiscard]] std::uint64_t sum() const { return sum_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint64_t max() const { return max_.load(std::memory_order_relaxed); }

  /// Upper bound of the bucket that holds quantile `q` in [0, 1]; 0 when empty.
  [[nodiscard]] std::uint64_t quantile(double q) const;

 private:
  // 8 linear sub-buckets per power of two: 64 * 8 covers every 64-bit value.
  static constexpr std::size_t kBucketCount = 512;
  static std::size_t bucket_of(std::uint64_t value);
  static std::uint64_t bucket_end(std::size_t index);

  std::array<std::atomic<std::uint64_t>, kBucketCount> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
  std::atomic<std::uint64_t> max_{0};
};

/// Receives every metric of a component. Names are snake_case with the unit last; counters end in
/// `_total`. `help` is one static sentence.
class MetricSink {
 public:
  MetricSink() = default;
  MetricSink(const MetricSink&) = delete;
  MetricSink& operator=(const MetricSink&) = delete;
  virtual ~MetricSink() = default;

  virtual void counter(std::string_view name, std::string_view help, std::uint64_t value) = 0;
  virtual void gauge(std::string_view name, std::string_view help, double value) = 0;
  virtual void histogram(std::string_view name, std::string_view help, const Histogram& value) = 0;
};

}  // namespace spillway
