// Micro-benchmark of interceptors: what each adds to a batch of 100 events on its way to the
// channel. Run: ninja -C build agent/interceptor_micro && build/agent/interceptor_micro
#include <benchmark/benchmark.h>

#include <array>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/interceptor_chain.h"
#include "agent/registry.h"
#include "channel/event_batch.h"
#include "wal/base/clock.h"

namespace spillway {
namespace {

using Values = std::map<std::string, std::string>;

constexpr std::size_t kBatchEvents = 100;

// 500-byte bodies with the headers of the syslog source.
channel::EventBatch events() {
  channel::EventBatch batch;
  for (std::size_t i = 0; i < kBatchEvents; ++i) {
    std::string body =
        "GET /shop/item/" + std::to_string(i * 37 % 1000) + " 200 user=u" + std::to_string(i) + " ";
    body.resize(500, 'x');
    const std::array<channel::HeaderView, 5> headers{{{"Facility", "16"},
                                                      {"Severity", "6"},
                                                      {"priority", "134"},
                                                      {"timestamp", "1700000000000"},
                                                      {"host", "web1"}}};
    batch.add(headers, body);
  }
  return batch;
}

void intercept(benchmark::State& state, const agent::InterceptorType* type, const Values& values) {
  const SystemClock clock;
  std::vector<agent::InterceptorChain::Link> links;
  if (type != nullptr) {
    const agent::Config config = agent::Config::of(type->options, values);
    links.push_back(
        {.name = "i", .interceptor = type->create({.name = "i", .clock = &clock}, config)});
  }
  agent::InterceptorChain chain(std::move(links), clock);
  const channel::EventBatch batch = events();
  for ([[maybe_unused]] auto _ : state) {
    benchmark::DoNotOptimize(chain.begin_batch());
    const auto pass = chain.intercept(batch);
    benchmark::DoNotOptimize(pass.kept().size());
  }
  state.counters["per_event"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * kBatchEvents,
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

BENCHMARK_CAPTURE(intercept, none, nullptr, Values{});
BENCHMARK_CAPTURE(intercept, timestamp_present, &agent::kTimestampInterceptor,
                  Values{{"preserveExisting", "true"}});
BENCHMARK_CAPTURE(intercept, timestamp, &agent::kTimestampInterceptor, Values{});
BENCHMARK_CAPTURE(intercept, host, &agent::kHostInterceptor, Values{{"hostHeader", "collector"}});
BENCHMARK_CAPTURE(intercept, static, &agent::kStaticInterceptor,
                  Values{{"key", "site"}, {"value", "east"}});
BENCHMARK_CAPTURE(intercept, uuid, &agent::kUuidInterceptor, Values{});
BENCHMARK_CAPTURE(intercept, remove_header, &agent::kRemoveHeaderInterceptor,
                  Values{{"withName", "priority"}});
BENCHMARK_CAPTURE(intercept, regex_filter, &agent::kRegexFilterInterceptor,
                  Values{{"regex", "^GET /shop/"}});
BENCHMARK_CAPTURE(intercept, regex_extractor, &agent::kRegexExtractorInterceptor,
                  Values{{"regex", "user=(\\w+)"},
                         {"serializers", "s1"},
                         {"serializers.s1.name", "user"}});
BENCHMARK_CAPTURE(intercept, search_replace, &agent::kSearchReplaceInterceptor,
                  Values{{"searchPattern", "user=\\w+"}, {"replaceString", "user=-"}});

}  // namespace
}  // namespace spillway

BENCHMARK_MAIN();
