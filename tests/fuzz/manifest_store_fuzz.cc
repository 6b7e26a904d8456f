// Fuzz target: a whole manifest file. The newer intact slot holds; what is written next is what is
// read next, and a damaged slot never hides an intact one.

#include <cstddef>
#include <cstdint>
#include <span>

#include "checkpoint/manifest_store.h"
#include "tests/crash/store_truth.h"
#include "tests/fuzz/packed_image.h"
#include "wal/base/check.h"

namespace spillway {
namespace {

using checkpoint::Manifest;
using checkpoint::ManifestStore;

void check_store(ByteSpan input) {
  test::FlatDisk disk(test::to_disk(test::unpack(input)));
  const auto directory = disk.open_directory(test::kCheckpointPath, io::FileSystem::Missing::kFail);
  ManifestStore store(*directory.value());
  const auto loaded = store.load(ManifestStore::Access::kReadWrite);
  CHECK(loaded.has_value());
  const Manifest* const newest = loaded.value().newest();
  for (const auto& slot : loaded.value().slots) {
    if (slot) CHECK(newest != nullptr);
    if (slot) CHECK(slot->generation <= newest->generation);
  }
  CHECK(store.create_if_missing().has_value());
  Manifest next;
  if (newest != nullptr) next = *newest;
  const std::uint64_t before = next.generation;
  const auto stored = store.store(next);
  if (!stored.has_value()) {
    CHECK(stored.error().code == Errc::kTooLarge);
    return;
  }
  CHECK(next.generation > before);
  const auto again = ManifestStore(*directory.value()).load(ManifestStore::Access::kReadOnly);
  CHECK(again.has_value());
  CHECK(again.value().newest() != nullptr);
  CHECK(again.value().newest()->generation == next.generation);
  CHECK(again.value().newest()->end.lsn == next.end.lsn);
  CHECK(again.value().newest()->segments.size() == next.segments.size());
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::check_store(std::as_bytes(std::span(data, size)));
  return 0;
}
