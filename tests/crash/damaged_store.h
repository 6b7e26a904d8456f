// Opens a damaged channel directory, reads all of it and compares with what had to come out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/manifest_store.h"
#include "tests/crash/built_store.h"
#include "tests/crash/store_truth.h"

namespace spillway::test {

/// What came out of a directory.
struct Outcome {
  std::vector<std::string> problems;     // wrong contents, wrong order, twice, an error
  std::vector<std::uint64_t> delivered;  // in this order
  Sequences lost;                        // in the ranges reported by recovery or while reading
  std::uint64_t lost_count = 0;          // reported number; a channel publishes no ranges
};

/// By the engine alone, writing nothing: recover_log() and a LogReader. Fast enough for every bit.
class EngineReading {
 public:
  explicit EngineReading(const BuiltStore& store) : store_(store) {}

  /// Decodes the manifest of `disk` once; later calls of read() take it as it was.
  void keep_manifest(FlatDisk& disk) { manifests_ = load(disk); }
  void forget_manifest() { manifests_.reset(); }

  Outcome read(FlatDisk& disk) const;

 private:
  static checkpoint::ManifestStore::Loaded load(FlatDisk& disk);

  const BuiltStore& store_;
  std::optional<checkpoint::ManifestStore::Loaded> manifests_;
};

/// By a whole channel: started, read, rolled back; started again, drained; started a third time.
/// `disk` is written to.
Outcome read_with_channel(const BuiltStore& store, FlatDisk& disk);

/// What distinguishes the outcome from what it had to be; empty when nothing does.
std::string difference(const Expectation& expected, const Outcome& outcome);

}  // namespace spillway::test
