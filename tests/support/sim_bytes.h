// The bytes of a simulated file: sparse, and cheap to copy because pages never change.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <memory>

#include "wal/base/bytes.h"

namespace spillway::test {

class SimBytes {
 public:
  /// What was never written reads as zeros.
  void read(std::uint64_t offset, MutableByteSpan to) const {
    while (!to.empty()) {
      const std::size_t in_page = offset % kPageBytes;
      const std::size_t count = std::min(to.size(), kPageBytes - in_page);
      const auto page = pages_.find(offset / kPageBytes);
      if (page == pages_.end()) {
        std::memset(to.data(), 0, count);
      } else {
        std::memcpy(to.data(), page->second->data() + in_page, count);
      }
      to = to.subspan(count);
      offset += count;
    }
  }

  void write(std::uint64_t offset, ByteSpan from) {
    while (!from.empty()) {
      const std::size_t in_page = offset % kPageBytes;
      const std::size_t count = std::min(from.size(), kPageBytes - in_page);
      write_page(offset / kPageBytes, in_page, from.first(count));
      from = from.subspan(count);
      offset += count;
    }
  }

  /// Forgets everything from `size_bytes` on.
  void cut(std::uint64_t size_bytes) {
    pages_.erase(pages_.lower_bound(align_up(size_bytes, kPageBytes) / kPageBytes), pages_.end());
    if (pages_.count(size_bytes / kPageBytes) == 0) return;
    const std::array<std::byte, kPageBytes> zeros{};
    write(size_bytes, ByteSpan(zeros).first(kPageBytes - size_bytes % kPageBytes));
  }

 private:
  static constexpr std::size_t kPageBytes = 4096;
  using Page = std::array<std::byte, kPageBytes>;

  void write_page(std::uint64_t number, std::size_t at, ByteSpan from) {
    const auto known = pages_.find(number);
    static constexpr Page kZeros{};
    if (known == pages_.end() && std::memcmp(from.data(), kZeros.data(), from.size()) == 0) return;
    auto changed =
        known == pages_.end() ? std::make_shared<Page>() : std::make_shared<Page>(*known->second);
    std::memcpy(changed->data() + at, from.data(), from.size());
    pages_[number] = std::move(changed);
  }

  std::map<std::uint64_t, std::shared_ptr<const Page>> pages_;
};

}  // namespace spillway::test
