// Micro-benchmarks of the log's bytes: encode, seal and append a block, scan a segment.
// Run: ninja -C build bench/wal_micro && build/bench/wal_micro
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "channel/event_batch.h"
#include "wal/block.h"
#include "wal/block_cipher.h"
#include "wal/block_payload.h"

namespace spillway {
namespace {

constexpr std::size_t kEventBytes = 500;
constexpr std::uint64_t kSeed = 42;

channel::EventBatch batch_of(std::size_t events) {
  channel::EventBatch batch;
  const std::string body(kEventBytes, 'x');
  for (std::size_t i = 0; i < events; ++i) batch.add(body);
  return batch;
}

void set_rates(benchmark::State& state, std::int64_t events) {
  state.SetItemsProcessed(state.iterations() * events);
  state.SetBytesProcessed(state.iterations() * events * static_cast<std::int64_t>(kEventBytes));
}

void encode_batch(benchmark::State& state) {
  const auto events = static_cast<std::size_t>(state.range(0));
  const std::string body(kEventBytes, 'x');
  channel::EventBatch batch;
  for ([[maybe_unused]] auto _ : state) {
    batch.clear();
    for (std::size_t i = 0; i < events; ++i) batch.add(body);
    benchmark::DoNotOptimize(batch.entries().data());
  }
  set_rates(state, state.range(0));
}
BENCHMARK(encode_batch)->Arg(1)->Arg(100)->Arg(1000);

void append_block(benchmark::State& state) {
  const channel::EventBatch batch = batch_of(static_cast<std::size_t>(state.range(0)));
  std::vector<std::byte> bytes(wal::block_bytes(wal::put_bytes(batch.encoded_bytes())));
  for ([[maybe_unused]] auto _ : state) {
    const std::byte* end = wal::write_put(bytes.data() + wal::kBlockHeaderBytes, batch.entries());
    wal::BlockHeader header;
    header.payload_bytes =
        static_cast<std::uint32_t>(end - bytes.data() - std::ptrdiff_t{wal::kBlockHeaderBytes});
    wal::seal_block(bytes, header, kSeed);
    benchmark::DoNotOptimize(bytes.data());
  }
  set_rates(state, state.range(0));
}
BENCHMARK(append_block)->Arg(1)->Arg(100)->Arg(1000);

void encrypt_block(benchmark::State& state) {
  const wal::MasterKey key("k", std::vector<std::byte>(wal::kMasterKeyBytesMax));
  wal::Segment segment;
  segment.key_id = key.id();
  wal::BlockCipher cipher(key, {}, segment);
  const std::vector<std::byte> payload(static_cast<std::size_t>(state.range(0)));
  wal::BlockHeader header;
  header.payload_bytes = static_cast<std::uint32_t>(payload.size() + wal::kBlockTagBytes);
  std::vector<std::byte> block(wal::block_bytes(header.payload_bytes));
  for ([[maybe_unused]] auto _ : state) {
    cipher.encrypt(payload, header, block);
    header.lsn += block.size();
    benchmark::DoNotOptimize(block.data());
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(encrypt_block)->Arg(64 * 1024);

void scan_block(benchmark::State& state) {
  const channel::EventBatch batch = batch_of(static_cast<std::size_t>(state.range(0)));
  std::vector<std::byte> bytes(wal::block_bytes(wal::put_bytes(batch.encoded_bytes())));
  const std::byte* end = wal::write_put(bytes.data() + wal::kBlockHeaderBytes, batch.entries());
  wal::BlockHeader header{.segment_nonce = 7,
                          .entry_count = static_cast<std::uint32_t>(state.range(0))};
  header.payload_bytes =
      static_cast<std::uint32_t>(end - bytes.data() - std::ptrdiff_t{wal::kBlockHeaderBytes});
  wal::seal_block(bytes, header, kSeed);
  const wal::BlockPlace place{.nonce = 7, .lsn = {}, .bytes_max = bytes.size(), .seed = kSeed};
  for ([[maybe_unused]] auto _ : state) {
    wal::BlockHeader found;
    bool is_good =
        wal::check_block_header(bytes, place, found) == wal::BlockState::kValid &&
        wal::is_block_intact(bytes, found, kSeed) &&
        wal::is_payload_valid(ByteSpan(bytes).subspan(wal::kBlockHeaderBytes, found.payload_bytes),
                              found.entry_count);
    benchmark::DoNotOptimize(is_good);
    if (!is_good) state.SkipWithError("block is not valid");
  }
  set_rates(state, state.range(0));
}
BENCHMARK(scan_block)->Arg(1)->Arg(100)->Arg(1000);

}  // namespace
}  // namespace spillway

BENCHMARK_MAIN();
