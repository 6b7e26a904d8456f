// Makes the seeds of the fuzz targets that read what the log stores, out of real channels:
//   ninja -C build tests/fuzz/make_fuzz_corpus && build/tests/fuzz/make_fuzz_corpus
//   tests/fuzz/corpus
// Files that were found by a fuzzer are left alone. The same bytes come out each time.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "channel/file_channel.h"
#include "checkpoint/manifest.h"
#include "tests/crash/store_truth.h"
#include "tests/fuzz/packed_image.h"
#include "tests/fuzz/stored_mutator.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"
#include "wal/base/check.h"
#include "wal/base/log.h"
#include "wal/key_ring.h"
#include "wal/segment_header.h"

namespace spillway::test {
namespace {

namespace fs = std::filesystem;

class Writer {
 public:
  explicit Writer(fs::path root) : root_(std::move(root)) {}

  void write(std::string_view target, const std::string& name, ByteSpan bytes) const {
    const fs::path directory = root_ / target;
    fs::create_directories(directory);
    std::ofstream out(directory / name, std::ios::binary | std::ios::trunc);
    out << as_text(bytes);
    CHECK(out.flush().good());
  }

 private:
  const fs::path root_;
};

class Store {
 public:
  explicit Store(bool is_encrypted = false) {
    channel::FileChannelOptions options = packed_options();
    if (is_encrypted) options.load_keys = load_keys;
    channel_ = std::make_unique<channel::FileChannel>(std::move(options), disk_, clock_);
    CHECK(channel_->start().has_value());
  }

  void put(std::size_t count, std::size_t body_bytes = 8) {
    std::vector<std::string> batch;
    for (std::size_t i = 0; i < count; ++i) {
      batch.push_back("e" + std::to_string(++put_count_));
      batch.back().resize(body_bytes, '.');
    }
    CHECK(channel_->put(batch_of(batch)).has_value());
  }
  void put_ones(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) put(1);
  }
  std::unique_ptr<channel::TakeTransaction> take(std::size_t count) {
    return std::move(channel_->take(count, std::chrono::milliseconds(0)).value());
  }
  void ack(std::size_t count) { CHECK(take(count)->commit().has_value()); }
  void checkpoint() { CHECK(channel_->checkpoint().has_value()); }
  DiskImage stop() {
    channel_->stop();
    return disk_.image;
  }
  [[nodiscard]] const DiskImage& now() const { return disk_.image; }

 private:
  static Result<std::shared_ptr<const wal::KeyRing>> load_keys() {
    const std::vector<std::byte> secret(wal::kMasterKeyBytesMax, std::byte{7});
    auto keys = std::make_shared<wal::KeyRing>();
    CHECK(keys->add("k1", secret).has_value());
    CHECK(keys->set_active("k1").has_value());
    return {std::move(keys)};
  }

  FlatDisk disk_;
  FakeClock clock_;
  std::unique_ptr<channel::FileChannel> channel_;
  std::size_t put_count_ = 0;
};

std::vector<std::pair<std::string, DiskImage>> build_all() {
  std::vector<std::pair<std::string, DiskImage>> all;
  {
    Store store;
    all.emplace_back("started", store.now());
    store.put_ones(2);
    store.ack(1);
    all.emplace_back("stopped", store.stop());
  }
  {
    Store store;  // two segments and a half, acknowledged out of order
    store.put_ones(6);
    auto stuck = store.take(1);
    store.ack(3);
    store.put_ones(3);
    all.emplace_back("crashed", store.now());
    store.checkpoint();
    store.put(3);
    store.ack(2);
    store.put_ones(2);
    all.emplace_back("crashed_behind_checkpoint", store.now());
    stuck->rollback();
    all.emplace_back("out_of_order", store.stop());
  }
  {
    Store store;  // slots used again, a transaction over three blocks and two segments
    store.put_ones(9);
    store.ack(9);
    store.checkpoint();
    store.checkpoint();
    store.put_ones(2);
    auto stuck = store.take(1);
    store.put_ones(9);
    store.ack(9);
    store.checkpoint();
    store.checkpoint();
    store.put(24, 400);
    store.put(1);
    all.emplace_back("recycled", store.now());
    stuck->rollback();
    store.stop();
  }
  {
    Store store(/*is_encrypted=*/true);
    store.put_ones(5);
    store.ack(2);
    all.emplace_back("encrypted", store.now());
    store.stop();
  }
  return all;
}

void write_structures(const Writer& writer, const std::string& name, PackedImage image) {
  const std::uint64_t seed = wal::hash_seed(kLoneBlockChannel);
  for (PackedPart& part : image) {
    if (part.bytes.size() < 4) continue;
    const auto magic = load_le<std::uint32_t>(part.bytes.data());
    const std::string file =
        name + "_" + std::to_string(part.file) + "_" + std::to_string(part.block);
    if (magic == checkpoint::kManifestMagic) writer.write("manifest", file, part.bytes);
    if (magic == wal::kSegmentMagic && part.block == 0) {
      writer.write("segment_header", file, part.bytes);
    }
    if (magic != wal::kBlockMagic || part.bytes.size() > 1024 || part.block % 2 != 0) continue;
    reseal(part, seed);
    writer.write("wal_block", file, part.bytes);
  }
}

void make_all(const fs::path& root) {
  const Writer writer(root);
  for (const auto& [name, disk] : build_all()) {
    const PackedImage image = to_packed(disk);
    CHECK(unpack(pack(image)).size() == image.size());
    writer.write("directory", name, pack(image));
    write_structures(writer, name, image);
  }
}

}  // namespace
}  // namespace spillway::test

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  spillway::set_log_level(spillway::LogLevel::kError);
  spillway::test::make_all(argv[1]);
  return 0;
}
