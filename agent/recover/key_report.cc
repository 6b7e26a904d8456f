#include "agent/recover/key_report.h"

#include <fmt/format.h>

#include <cstdio>
#include <utility>

#include "agent/channels/key_file.h"

namespace spillway::agent::recover {

std::optional<Refusal> collect_keys(const ChannelDirs& dirs, const std::vector<std::string>& named,
                                    std::shared_ptr<const wal::KeyRing>& keys) {
  std::string problem;
  std::shared_ptr<wal::KeyRing> ring = load_keys(dirs.encryption, problem);
  if (!problem.empty()) fmt::print(stderr, "note: no keys from the configuration: {}\n", problem);
  if (ring == nullptr) ring = std::make_shared<wal::KeyRing>();
  for (const std::string& name : named) {
    const std::size_t at = name.find('=');
    if (at == 0 || at == std::string::npos) {
      return Refusal{.exit_code = kExitBadUsage,
                     .reason = fmt::format("--key {}: write name=file", name)};
    }
    const std::string path = name.substr(at + 1);
    const auto bytes = read_secret_file(path, problem);
    if (!bytes) return Refusal{.reason = "--key " + problem};
    const auto secret = parse_raw_key(bytes->span());
    if (!secret) {
      return Refusal{.reason = fmt::format("--key {}: no key: 32 bytes, 64 hexadecimal digits or "
                                           "44 characters of base64",
                                           path)};
    }
    const auto added = ring->add(name.substr(0, at), secret->span());
    if (!added.has_value()) {
      return Refusal{.reason = fmt::format("--key {}: {}", name, to_string(added.error()))};
    }
  }
  keys = std::move(ring);
  return std::nullopt;
}

void print_keys(const OfflineChannel& channel, Output& out) {
  const wal::KeyRing* const given = channel.options.keys.get();
  for (const checkpoint::SegmentKey& key : channel.segment_keys) {
    if (channel.can_read(key.segments.front())) {
      out.print("Key       given: {} is encrypted with {}\n",
                checkpoint::segments_in_words(key.segments), checkpoint::key_in_words(key));
    } else {
      out.print("Key       {}\n", checkpoint::missing_in_words(key, given));
    }
  }
  if (!channel.log.locked_segments.empty()) {
    out.write(
        "          acknowledgements at the end of the log could not be read: fewer events may "
        "wait\n");
  }
}

}  // namespace spillway::agent::recover
