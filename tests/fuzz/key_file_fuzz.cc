// Fuzz target: bytes that may be a key file or a key store. Whatever is accepted is a key of a
// usable size, and whatever is not leaves a reason.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "agent/channels/key_file.h"
#include "agent/channels/pkcs12_keys.h"
#include "wal/base/check.h"
#include "wal/key_ring.h"

namespace spillway {
namespace {

void check_keys(ByteSpan bytes) {
  const auto raw = agent::parse_raw_key(bytes);
  if (raw) CHECK(raw->span().size() == wal::kMasterKeyBytesMax);
  std::string problem;
  const auto stored =
      agent::find_pkcs12_key(bytes, "key", {.store = "password", .key = "password"}, problem);
  if (stored) CHECK(wal::is_master_key_size(stored->span().size()));
  CHECK(stored.has_value() == problem.empty());
}

}  // namespace
}  // namespace spillway

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  spillway::check_keys(std::as_bytes(std::span(data, size)));
  return 0;
}
