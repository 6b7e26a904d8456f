// Runs a fuzz target in every build, with every compiler: over its corpus, and over seeded
// mutations of it. libFuzzer searches deeper (meson.build here); what it finds joins the corpus.

#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/no_libfuzzer.h"
#include "tests/support/seeds.h"
#include "tests/support/tried.h"
#include "wal/base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
#ifdef SPILLWAY_FUZZ_HAS_MUTATOR
extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size,
                                               std::size_t size_max, unsigned int seed);
#endif

namespace spillway {
namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kMutationSeeds = SPILLWAY_FUZZ_SEEDS;
constexpr std::size_t kInputBytesMax = 64 * 1024;

std::vector<Input> corpus() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(SPILLWAY_FUZZ_CORPUS)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());  // a seed must mean the same everywhere
  std::vector<Input> inputs;
  for (const auto& path : paths) {
    std::ifstream in(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
  }
  return inputs;
}

// In an allocation of the input's exact size, for AddressSanitizer.
void run(const Input& input) {
  const Input exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

// A failed CHECK aborts: say what to replay.
std::uint64_t seed_in_progress = 0;

void print_seed(int) {
  static_cast<void>(std::fprintf(stderr, "%s\n", test::replay_hint(seed_in_progress).c_str()));
}

// SPILLWAY_FUZZ_SAVE=<file> with a seed keeps its input: for the corpus.
void save(const Input& input) {
  const char* const path = std::getenv("SPILLWAY_FUZZ_SAVE");  // NOLINT(concurrency-mt-unsafe)
  if (path == nullptr) return;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  for (const std::uint8_t byte : input) out.put(static_cast<char>(byte));
}

std::uint8_t telling_byte(Random& random) {
  constexpr std::uint8_t kBytes[] = {0x00, 0x01, 0x7f, 0x80, 0xff, '\n', '\r', '"', '\\', '='};
  return random.one_in(2) ? kBytes[random.below(std::size(kBytes))]
                          : static_cast<std::uint8_t>(random.below(256));
}

#ifdef SPILLWAY_FUZZ_HAS_MUTATOR
// Past the checksums.
void mutate_structure(Random& random, Input& input) {
  const std::size_t size = input.size();
  if (size > kInputBytesMax) return;
  input.resize(kInputBytesMax);
  input.resize(LLVMFuzzerCustomMutator(input.data(), size, kInputBytesMax,
                                       static_cast<unsigned int>(random.next() & 0xFFFFU)));
}
#endif

void mutate_anywhere(Random& random, const std::vector<Input>& inputs, Input& input) {
  const auto at = [&random, &input](std::size_t end) {
    return input.begin() + static_cast<std::ptrdiff_t>(random.below(end));
  };
  const std::uint64_t kind = random.below(6);
  if (kind == 0 || input.empty()) {
    input.insert(at(input.size() + 1), telling_byte(random));
  } else if (kind == 1) {
    *at(input.size()) = telling_byte(random);
  } else if (kind == 2) {
    *at(input.size()) ^= static_cast<std::uint8_t>(1U << random.below(8));
  } else if (kind == 3) {
    input.erase(at(input.size()));
  } else if (kind == 4) {
    input.erase(at(input.size()), input.end());
  } else {
    const Input& other = inputs[random.below(inputs.size())];
    input.insert(at(input.size() + 1), other.begin(), other.end());
  }
}

void mutate(Random& random, const std::vector<Input>& inputs, Input& input) {
#ifdef SPILLWAY_FUZZ_HAS_MUTATOR
  if (!random.one_in(8)) return mutate_structure(random, input);
#endif
  mutate_anywhere(random, inputs, input);
}

TEST(FuzzReplayTest, TargetHoldsOnItsCorpus) {
  const std::vector<Input> inputs = corpus();
  ASSERT_FALSE(inputs.empty());
  for (const Input& input : inputs) run(input);
  test::note_tried(test::kInputs, inputs.size());
}

TEST(FuzzReplayTest, TargetHoldsOnMutationsOfItsCorpus) {
  const std::vector<Input> inputs = corpus();
  ASSERT_FALSE(inputs.empty());
  const auto previous = std::signal(SIGABRT, print_seed);
  std::uint64_t tried = 0;
  for (const std::uint64_t seed : test::seeds(kMutationSeeds)) {
    seed_in_progress = seed;
    Random random(seed);
    test::seed_plain_mutations(seed);
    Input input = inputs[random.below(inputs.size())];
    for (std::uint64_t i = random.between(1, 8); i > 0; --i) mutate(random, inputs, input);
    if (input.size() > kInputBytesMax) continue;
    save(input);
    run(input);
    ++tried;
  }
  test::note_tried(test::kInputs, tried);
  static_cast<void>(std::signal(SIGABRT, previous));
}

}  // namespace
}  // namespace spillway
