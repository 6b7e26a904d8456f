#include "tests/fuzz/packed_image.h"

#include <algorithm>
#include <chrono>
#include <string>

#include "checkpoint/manifest.h"
#include "tests/crash/store_truth.h"
#include "wal/segment_header.h"
#include "wal/slot_pool.h"

namespace spillway::test {
namespace {

constexpr std::size_t kPartHeaderBytes = 4;  // file, block, size
constexpr std::uint64_t kManifestBytes =
    checkpoint::kManifestSlotBytes * checkpoint::kManifestSlotCount;
constexpr std::uint64_t kSlotBytes = wal::kSegmentDataOffset + 4 * wal::kBlockAlignBytes;
constexpr std::uint8_t kFilesMax = 9;
constexpr std::uint64_t kCutUnitBytes = 16;

std::string path_of(std::uint8_t file) {
  if (file == 0) return kManifestPath;
  return std::string(kDataPath) + "/" + wal::slot_name(file);
}

std::uint64_t size_of(std::uint8_t file) {
  return file == 0 ? kManifestBytes : kSlotBytes;
}

std::uint64_t offset_of(const PackedPart& part) {
  if (part.file != 0 || part.block < kPackedSlotBBlock) {
    return std::uint64_t{part.block} * wal::kBlockAlignBytes;
  }
  return checkpoint::kManifestSlotBytes +
         std::uint64_t{part.block} % kPackedSlotBBlock * wal::kBlockAlignBytes;
}

// How many bytes the structure at the front of `bytes` has; of what is none, all but the zeros at
// the end of the block.
std::size_t structure_bytes(ByteSpan bytes) {
  const auto magic = load_le<std::uint32_t>(bytes.data());
  if (magic == wal::kBlockMagic) {
    const auto header = load_le<wal::BlockHeader>(bytes.data());
    const std::size_t size = wal::kBlockHeaderBytes + header.payload_bytes;
    if (size <= bytes.size()) return size;
  }
  std::size_t size = std::min<std::size_t>(bytes.size(), wal::kBlockAlignBytes);
  while (size > 0 && bytes[size - 1] == std::byte{0}) --size;
  if (magic == checkpoint::kManifestMagic) {
    const auto header = load_le<checkpoint::ManifestHeader>(bytes.data());
    size = std::max(size, checkpoint::kManifestHeaderBytes + header.payload_bytes);
  }
  return size;
}

void pack_file(const DiskImage& disk, std::uint8_t file, PackedImage& image) {
  const std::string path = path_of(file);
  if (!disk.has(path)) return;
  for (std::uint64_t block = 0; block < kPackedBlocksMax;) {
    PackedPart part{.file = file, .block = static_cast<std::uint8_t>(block), .bytes = {}};
    const std::uint64_t offset = offset_of(part);
    if (offset >= disk.size_bytes(path)) break;
    const std::uint64_t room = std::min<std::uint64_t>(60 * kKiB, size_of(file) - offset);
    const std::vector<std::byte> bytes = disk.read(path, offset, room);
    const std::size_t size = structure_bytes(bytes);
    part.bytes.assign(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    block +=
        std::max<std::uint64_t>(1, align_up(size, wal::kBlockAlignBytes) / wal::kBlockAlignBytes);
    if (size > 0) image.push_back(std::move(part));
  }
}

void place(const PackedPart& part, DiskImage& disk) {
  const std::string path = path_of(part.file);
  if (part.block == kPackedMissing) {
    disk.erase(path);
  } else if (part.block == kPackedCut) {
    const std::uint64_t size =
        part.bytes.size() < 2 ? 0 : load_le<std::uint16_t>(part.bytes.data()) * kCutUnitBytes;
    disk.cut(path, std::min(size, disk.size_bytes(path)));
  } else if (!part.bytes.empty()) {
    const std::uint64_t offset = offset_of(part);
    const std::uint64_t size = size_of(part.file);
    if (offset >= size) return;
    const std::uint64_t room = std::min<std::uint64_t>(part.bytes.size(), size - offset);
    disk.write(path, offset, ByteSpan(part.bytes).first(room));
  }
}

}  // namespace

channel::FileChannelOptions packed_options() {
  channel::FileChannelOptions options{.name = "fuzz",
                                      .checkpoint_dir = kCheckpointPath,
                                      .data_dirs = {kDataPath},
                                      .capacity_events = 10'000,
                                      .transaction_capacity = 1000,
                                      .keep_alive = std::chrono::milliseconds(0)};
  options.checkpoint_bytes = kGiB;
  options.log.slot_bytes = kSlotBytes;
  options.log.block_bytes_max = 4 * kKiB;
  options.log.staging_bytes_max = 64 * kKiB;
  options.log.cache_bytes_max = 0;
  options.log.read_bytes = 16 * kKiB;
  options.log.spare_slots_min = 1;
  options.log.spare_slots_max = 4;
  options.log.background = wal::Background::kNone;
  options.log.nonce_seed = 99;
  return options;
}

PackedImage unpack(ByteSpan input) {
  PackedImage image;
  while (input.size() >= kPartHeaderBytes) {
    const auto size = load_le<std::uint16_t>(input.data() + 2);
    const std::size_t kept = std::min<std::size_t>(size, input.size() - kPartHeaderBytes);
    const ByteSpan bytes = input.subspan(kPartHeaderBytes, kept);
    PackedPart part{.file = static_cast<std::uint8_t>(input[0]),
                    .block = static_cast<std::uint8_t>(input[1]),
                    .bytes = {bytes.begin(), bytes.end()}};
    part.file = static_cast<std::uint8_t>(part.file % kFilesMax);
    image.push_back(std::move(part));
    input = input.subspan(kPartHeaderBytes + kept);
  }
  return image;
}

std::vector<std::byte> pack(const PackedImage& image) {
  std::vector<std::byte> packed;
  for (const PackedPart& part : image) {
    const std::size_t size = std::min<std::size_t>(part.bytes.size(), UINT16_MAX);
    packed.push_back(static_cast<std::byte>(part.file));
    packed.push_back(static_cast<std::byte>(part.block));
    packed.push_back(static_cast<std::byte>(size & 0xFFU));
    packed.push_back(static_cast<std::byte>(size >> 8U));
    packed.insert(packed.end(), part.bytes.begin(),
                  part.bytes.begin() + static_cast<std::ptrdiff_t>(size));
  }
  return packed;
}

PackedImage to_packed(const DiskImage& disk) {
  PackedImage image;
  for (std::uint8_t file = 0; file < kFilesMax; ++file) pack_file(disk, file, image);
  return image;
}

DiskImage to_disk(const PackedImage& image) {
  DiskImage disk;
  for (const PackedPart& part : image) {
    const std::string path = path_of(part.file);
    if (!disk.has(path)) disk.create(path).size_bytes = size_of(part.file);
    place(part, disk);
  }
  return disk;
}

PackedPart* find_part(PackedImage& image, std::uint8_t file, std::uint8_t block) {
  const auto found = std::find_if(image.begin(), image.end(), [&](const PackedPart& part) {
    return part.file == file && part.block == block;
  });
  return found == image.end() ? nullptr : &*found;
}

}  // namespace spillway::test
