// The keys of an encrypted channel that the operator gives to an offline command.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/recover/find_channel.h"
#include "agent/recover/refusal.h"
#include "wal/key_ring.h"

namespace spillway::agent::recover {

/// As on the command line.
struct GivenKeys {
  std::vector<std::string> keys{};  // "name=file" as keyProvider RAWFILE has them; "name": stored
  std::string store_file{};         // as keyProvider PKCS12 has it; empty: none
  std::string store_password_file{};
  std::vector<std::string> password_files{};  // "name=file" of stored keys with one of their own
};

/// From `given` and from the configuration that named the channel. Without the name of a stored key
/// all keys of the store are taken. Keys of the configuration that cannot be read are a note on
/// standard error: most questions are answered without; one that was given is a refusal.
std::optional<Refusal> collect_keys(const ChannelDirs& dirs, const GivenKeys& given,
                                    std::shared_ptr<const wal::KeyRing>& keys);

}  // namespace spillway::agent::recover
