#include "tests/fuzz/stored_mutator.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "checkpoint/manifest.h"
#include "wal/base/hash.h"
#include "wal/block_payload.h"
#include "wal/key_ring.h"
#include "wal/segment_header.h"

namespace spillway::test {
namespace {

constexpr std::size_t kPartBytesMax = 24 * kKiB;

struct Field {
  std::size_t offset;
  std::size_t size;
};

// Behind magic, version and flags. The last eight bytes of each header are its hash.
constexpr std::array kBlockFields{Field{6, 2},  Field{8, 8},  Field{16, 8}, Field{24, 8},
                                  Field{32, 8}, Field{40, 4}, Field{44, 4}, Field{48, 8}};
constexpr std::array kSegmentFields{
    Field{0, 4},   Field{6, 2},   Field{8, 8},   Field{24, 8},  Field{32, 8},  Field{40, 8},
    Field{48, 8},  Field{56, 8},  Field{64, 8},  Field{72, 8},  Field{80, 8},  Field{96, 8},
    Field{104, 8}, Field{112, 8}, Field{192, 8}, Field{200, 8}, Field{208, 8}, Field{216, 8}};
constexpr std::array kManifestFields{Field{6, 2}, Field{8, 8}, Field{16, 4}, Field{24, 8}};

enum class Kind : std::uint8_t { kNone, kBlock, kSegment, kManifest };

std::uint32_t magic_of(const PackedPart& part) {
  return part.bytes.size() < 4 ? 0 : load_le<std::uint32_t>(part.bytes.data());
}

Kind kind_of(const PackedPart& part) {
  const std::uint32_t magic = magic_of(part);
  if (magic == wal::kBlockMagic && part.bytes.size() >= wal::kBlockHeaderBytes) return Kind::kBlock;
  if (magic == wal::kSegmentMagic || magic == wal::kDiscardMagic) return Kind::kSegment;
  if (magic == checkpoint::kManifestMagic &&
      part.bytes.size() >= checkpoint::kManifestHeaderBytes) {
    return Kind::kManifest;
  }
  return Kind::kNone;
}

std::span<const Field> fields_of(Kind kind) {
  switch (kind) {
    case Kind::kBlock:
      return kBlockFields;
    case Kind::kSegment:
      return kSegmentFields;
    case Kind::kManifest:
      return kManifestFields;
    case Kind::kNone:
      break;
  }
  return {};
}

std::uint64_t telling_value(std::uint64_t old, Random& random) {
  const std::array<std::uint64_t, 12> values{0,
                                             1,
                                             old + 1,
                                             old - 1,
                                             old + 4096,
                                             old - 4096,
                                             old * 2,
                                             UINT64_MAX,
                                             UINT64_MAX - 4095,
                                             UINT64_MAX / 2 + 1,
                                             UINT32_MAX,
                                             random.below(64)};
  if (random.one_in(8)) return random.next() >> random.below(64);
  return values[random.below(values.size())];
}

void mutate_field(PackedPart& part, Random& random) {
  const auto fields = fields_of(kind_of(part));
  if (fields.empty()) return;
  const Field field = fields[random.below(fields.size())];
  if (part.bytes.size() < field.offset + field.size) part.bytes.resize(field.offset + field.size);
  std::uint64_t value = 0;
  std::memcpy(&value, part.bytes.data() + field.offset, field.size);
  value = telling_value(value, random);
  std::memcpy(part.bytes.data() + field.offset, &value, field.size);
}

// The bytes from `begin` on, by libFuzzer's means.
void mutate_bytes(PackedPart& part, std::size_t begin) {
  if (begin > part.bytes.size()) return;
  std::vector<std::uint8_t> tail(kPartBytesMax);
  const std::size_t size = part.bytes.size() - begin;
  if (size > tail.size()) return;
  if (size > 0) std::memcpy(tail.data(), part.bytes.data() + begin, size);
  const std::size_t room = std::min(tail.size() - begin, size + 64);
  const std::size_t changed = LLVMFuzzerMutate(tail.data(), size, room);
  part.bytes.resize(begin + changed);
  if (changed > 0) std::memcpy(part.bytes.data() + begin, tail.data(), changed);
}

std::uint32_t entries_in(ByteSpan payload) {
  std::uint32_t count = 0;
  wal::PayloadReader records(payload);
  while (const auto record = records.next()) {
    wal::EntryReader entries(record->entries);
    while (entries.next()) ++count;
  }
  return count;
}

void mutate_payload(PackedPart& part, Random& random) {
  const std::size_t begin = wal::kBlockHeaderBytes;  // of a manifest, too
  static_assert(wal::kBlockHeaderBytes == checkpoint::kManifestHeaderBytes);
  mutate_bytes(part, begin);
  const auto size = static_cast<std::uint32_t>(part.bytes.size() - begin);
  if (kind_of(part) == Kind::kManifest) {
    store_le(part.bytes.data() + offsetof(checkpoint::ManifestHeader, payload_bytes), size);
    return;
  }
  store_le(part.bytes.data() + offsetof(wal::BlockHeader, payload_bytes), size);
  if (random.one_in(8)) return;
  const std::uint32_t count = entries_in(ByteSpan(part.bytes).subspan(begin));
  store_le(part.bytes.data() + offsetof(wal::BlockHeader, entry_count), count);
}

void reseal_block(PackedPart& part, std::uint64_t seed) {
  const auto header = load_le<wal::BlockHeader>(part.bytes.data());
  const std::size_t size = wal::kBlockHeaderBytes + std::size_t{header.payload_bytes};
  if (size > kPartBytesMax) return;
  std::vector<std::byte> whole(size);  // zeros lie behind the part
  std::memcpy(whole.data(), part.bytes.data(), std::min(size, part.bytes.size()));
  const ByteSpan bytes(whole);
  store_le(part.bytes.data() + offsetof(wal::BlockHeader, hash),
           xxh3_64(bytes.first(offsetof(wal::BlockHeader, hash)),
                   bytes.subspan(wal::kBlockHeaderBytes), seed));
}

void reseal_segment(PackedPart& part) {
  if (part.bytes.size() < wal::kSegmentHeaderBytes) part.bytes.resize(wal::kSegmentHeaderBytes);
  std::vector<std::byte> whole(wal::kBlockAlignBytes);
  std::memcpy(whole.data(), part.bytes.data(), std::min(whole.size(), part.bytes.size()));
  const ByteSpan bytes(whole);
  auto header = load_le<wal::SegmentHeader>(part.bytes.data());
  if (header.key_id != 0) {
    header.key_alias_hash =
        xxh3_64(bytes.subspan(wal::kSegmentHeaderBytes, wal::kKeyAliasBytesMax), 0);
  }
  if (header.reclaimed_hash != 0) {
    header.reclaimed_hash =
        xxh3_64(bytes.subspan(wal::kReclaimedRangesOffset, wal::kReclaimedRangesBytes), 0);
  }
  store_le(whole.data(), header);
  header.hash = xxh3_64(bytes.first(offsetof(wal::SegmentHeader, hash)), 0);
  store_le(part.bytes.data(), header);
}

void reseal_manifest(PackedPart& part) {
  const auto header = load_le<checkpoint::ManifestHeader>(part.bytes.data());
  const std::size_t rest = part.bytes.size() - checkpoint::kManifestHeaderBytes;
  if (header.payload_bytes > rest) return;
  const ByteSpan bytes(part.bytes);
  store_le(part.bytes.data() + offsetof(checkpoint::ManifestHeader, hash),
           xxh3_64(bytes.first(offsetof(checkpoint::ManifestHeader, hash)),
                   bytes.subspan(checkpoint::kManifestHeaderBytes, header.payload_bytes), 0));
}

std::uint64_t seed_of(const PackedImage& image) {
  for (const PackedPart& part : image) {
    const bool has_id = kind_of(part) == Kind::kSegment && part.bytes.size() >= 24;
    if (has_id) return wal::hash_seed(load_le<wal::ChannelId>(part.bytes.data() + 8));
  }
  return wal::hash_seed(kLoneBlockChannel);
}

// Of the slots, in the order of their segments.
std::vector<std::uint8_t> files_by_segment(const PackedImage& image) {
  std::vector<std::pair<std::uint64_t, std::uint8_t>> numbered;
  for (const PackedPart& part : image) {
    if (kind_of(part) != Kind::kSegment || part.block != 0 || part.bytes.size() < 32) continue;
    numbered.emplace_back(load_le<std::uint64_t>(part.bytes.data() + 24), part.file);
  }
  std::sort(numbered.begin(), numbered.end());
  std::vector<std::uint8_t> files;
  for (const auto& entry : numbered) files.push_back(entry.second);
  return files;
}

// Gives each block of this use of a slot the hash of the one before, seals it, and returns the hash
// of the last.
std::uint64_t chain_blocks(PackedImage& image, std::uint8_t file, std::uint64_t nonce,
                           std::uint64_t previous, std::uint64_t seed) {
  std::map<std::uint8_t, PackedPart*> blocks;
  for (PackedPart& part : image) {
    if (part.file == file && kind_of(part) == Kind::kBlock) blocks[part.block] = &part;
  }
  for (const auto& block : blocks) {
    PackedPart& part = *block.second;
    if (load_le<wal::BlockHeader>(part.bytes.data()).segment_nonce != nonce) continue;
    store_le(part.bytes.data() + offsetof(wal::BlockHeader, previous_hash), previous);
    reseal_block(part, seed);
    previous = load_le<wal::BlockHeader>(part.bytes.data()).hash;
  }
  return previous;
}

void chain_all(PackedImage& image) {
  const std::uint64_t seed = seed_of(image);
  std::uint64_t previous = 0;
  bool is_first = true;
  for (const std::uint8_t file : files_by_segment(image)) {
    PackedPart* const part = find_part(image, file, 0);
    if (part == nullptr || part->bytes.size() < wal::kSegmentHeaderBytes) continue;
    auto header = load_le<wal::SegmentHeader>(part->bytes.data());
    if (is_first) previous = header.predecessor_hash;
    is_first = false;
    header.predecessor_hash = previous;
    store_le(part->bytes.data(), header);
    reseal_segment(*part);
    if (PackedPart* const copy = find_part(image, file, 1)) copy->bytes = part->bytes;
    previous = chain_blocks(image, file, header.nonce, previous, seed);
  }
}

// Where a part lies and whether it is there at all.
void mutate_layout(PackedImage& image, PackedPart& part, Random& random) {
  PackedPart& other = image[random.below(image.size())];
  switch (random.below(6)) {
    case 0:
      std::swap(part.bytes, other.bytes);
      break;
    case 1:
      other.bytes = part.bytes;
      break;
    case 2:
      part.bytes.clear();
      break;
    case 3:
      part.block = static_cast<std::uint8_t>(random.below(8));
      break;
    case 4: {
      PackedPart mark{.file = part.file, .block = kPackedCut, .bytes = {}};
      const std::uint64_t size = random.below(2048);
      mark.bytes = {static_cast<std::byte>(size & 0xFFU), static_cast<std::byte>(size >> 8U)};
      image.push_back(std::move(mark));
      break;
    }
    default:
      image.push_back({.file = part.file, .block = kPackedMissing, .bytes = {}});
      break;
  }
}

// A number of one structure turns up in another.
void copy_number(const PackedImage& image, PackedPart& part, Random& random) {
  const PackedPart& other = image[random.below(image.size())];
  const auto to = fields_of(kind_of(part));
  const auto from = fields_of(kind_of(other));
  if (to.empty() || from.empty()) return;
  const Field target = to[random.below(to.size())];
  const Field source = from[random.below(from.size())];
  if (target.size != 8 || source.size != 8) return;
  if (part.bytes.size() < target.offset + 8 || other.bytes.size() < source.offset + 8) return;
  const auto value = load_le<std::uint64_t>(other.bytes.data() + source.offset);
  store_le(part.bytes.data() + target.offset, value);
}

}  // namespace

void reseal(PackedPart& part, std::uint64_t seed) {
  switch (kind_of(part)) {
    case Kind::kBlock:
      return reseal_block(part, seed);
    case Kind::kSegment:
      return reseal_segment(part);
    case Kind::kManifest:
      return reseal_manifest(part);
    case Kind::kNone:
      return;
  }
}

void mutate_part(PackedPart& part, std::uint64_t seed, Random& random) {
  const Kind kind = kind_of(part);
  const bool has_payload = kind == Kind::kBlock || kind == Kind::kManifest;
  const std::uint64_t choice = random.below(8);
  if (choice < 3 && kind != Kind::kNone) {
    mutate_field(part, random);
  } else if (choice < 6 && has_payload) {
    mutate_payload(part, random);
  } else {
    mutate_bytes(part, 0);
  }
  if (!random.one_in(8)) reseal(part, seed);
}

void mutate_image(PackedImage& image, Random& random) {
  if (image.empty()) image.push_back({});
  PackedPart& part = image[random.below(image.size())];
  const std::uint64_t choice = random.below(8);
  if (choice == 0) {
    mutate_layout(image, part, random);
  } else if (choice == 1) {
    copy_number(image, part, random);
    reseal(part, seed_of(image));
  } else {
    mutate_part(part, seed_of(image), random);
  }
  if (random.one_in(2)) chain_all(image);
}

}  // namespace spillway::test
