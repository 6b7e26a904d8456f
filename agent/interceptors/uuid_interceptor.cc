// `uuid` interceptor: a random identifier, in a header.
//
// Source: Flume's UUIDInterceptor; RFC 9562, version 4. The bits come from the kernel, a block at a
// time.
#include <sys/random.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/registry.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "headerName", .default_value = "id", .help = "Name of the header."},
    OptionSpec{.name = "preserveExisting",
               .type = OptionType::kBool,
               .default_value = "true",
               .help = "Whether an event that has the header keeps its value."},
    OptionSpec{.name = "prefix", .help = "Written before each identifier."},
};

using Uuid = std::array<std::uint8_t, 16>;
constexpr std::size_t kUuidsPerRead = 16;  // 256 bytes: a read that the kernel never cuts short

/// One per thread, so that threads neither wait for each other nor share identifiers.
Uuid next_uuid() {
  thread_local std::array<Uuid, kUuidsPerRead> block;
  thread_local std::size_t next = kUuidsPerRead;
  if (next == kUuidsPerRead) {
    CHECK(::getrandom(block.data(), sizeof(block), 0) == sizeof(block));
    next = 0;
  }
  Uuid uuid = block.at(next++);
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0FU) | 0x40U);  // version 4
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3FU) | 0x80U);  // variant 10
  return uuid;
}

constexpr std::size_t kTextBytes = 36;

void write_text(const Uuid& uuid, char* to) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) *to++ = '-';
    *to++ = kDigits[uuid[i] >> 4U];
    *to++ = kDigits[uuid[i] & 0x0FU];
  }
}

class UuidInterceptor final : public Interceptor {
 public:
  explicit UuidInterceptor(const Config& config)
      : header_(config.string("headerName")),
        prefix_(config.string("prefix")),
        is_preserving_(config.boolean("preserveExisting")) {}

  Verdict intercept(EventDraft& event) override {
    if (is_preserving_ && event.header(header_)) return Verdict::kKeep;
    std::array<char, kTextBytes> text{};
    write_text(next_uuid(), text.data());
    event.set_header(header_, event.keep(prefix_, {text.data(), text.size()}));
    return Verdict::kKeep;
  }

 private:
  const std::string header_;
  const std::string prefix_;
  const bool is_preserving_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  return std::make_unique<UuidInterceptor>(config);
}

}  // namespace

const InterceptorType kUuidInterceptor{
    .name = "uuid",
    .java_class = "org.apache.flume.sink.solr.morphline.UUIDInterceptor$Builder",
    .help = "Adds a random identifier.",
    .options = kOptions,
    .create = create,
};

}  // namespace spillway::agent
