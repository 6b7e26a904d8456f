// Micro-benchmark of path templates: a bucket path for each event, as file_roll makes them.
// Run: ninja -C build agent/path_micro && build/agent/path_micro
#include <benchmark/benchmark.h>

#include <array>
#include <string>

#include "agent/path_template.h"
#include "channel/event_batch.h"
#include "wal/base/clock.h"

namespace spillway {
namespace {

constexpr std::size_t kEvents = 200'000;
constexpr std::size_t kBatchEvents = 1'000;  // what a sink has before it, just read
constexpr std::size_t kCategories = 100;

// Events of a hundred categories, a hundred of them per second.
channel::EventBatch events() {
  channel::EventBatch batch;
  const std::string body(500, 'x');
  for (std::size_t i = 0; i < kBatchEvents; ++i) {
    const std::string category = "category" + std::to_string(i * 7 % kCategories);
    const std::string time = std::to_string(1'700'000'000'000 + i * 10);
    const std::array<channel::HeaderView, 3> headers{
        {{"host", "web1"}, {"category", category}, {"timestamp", time}}};
    batch.add(headers, body);
  }
  return batch;
}

void render_200k(benchmark::State& state) {
  const SystemClock clock;
  auto path = std::move(agent::PathTemplate::compile("%{category}/%Y-%m-%d/%H", {}, clock).value());
  const channel::EventBatch batch = events();
  std::string out;
  for ([[maybe_unused]] auto _ : state) {
    for (std::size_t i = 0; i < kEvents; ++i) {
      out.clear();
      path.append(batch[i % kBatchEvents], out);
      benchmark::DoNotOptimize(out.data());
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(kEvents));
}
BENCHMARK(render_200k)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace spillway

BENCHMARK_MAIN();
