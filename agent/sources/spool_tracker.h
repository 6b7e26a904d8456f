// SpoolTracker: how far the file in hand of a spooldir source was accepted, across restarts.
//
// `.flumespool-main.meta` in the tracker directory, byte for byte what Flume understands: an Avro
// container file that names the file in its metadata and has one record {offset} per position,
// the last one valid. A new file in hand replaces it atomically and durably; a position is
// appended and survives the process: after a power failure the file is older, never wrong.
// Source: Flume 1.11, DurablePositionTracker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/avro_file.h"
#include "wal/base/result.h"
#include "wal/io/append_file.h"

namespace spillway::agent {

/// What identifies the contents that a position belongs to.
struct SpoolIdentity {
  std::string path;
  std::uint64_t inode = 0;
  std::uint64_t size_bytes = 0;
  std::int64_t modified_ns = 0;

  friend bool operator==(const SpoolIdentity&, const SpoolIdentity&) = default;
};

struct SpoolPosition {
  std::string path;  // as Flume writes it
  std::uint64_t offset_bytes = 0;
  std::optional<SpoolIdentity> identity = std::nullopt;  // absent when Flume has written the file
};

/// The last whole record; kCorrupt when the bytes are no tracker file, or one without a record
/// of a known kind. A damaged or unfinished tail is left out.
Result<SpoolPosition> parse_spool_position(std::string_view bytes);

/// Not thread-safe.
class SpoolTracker {
 public:
  explicit SpoolTracker(std::string path) : path_(std::move(path)) {}

  /// What an earlier run left; nullopt when there is nothing. kCorrupt as parse_spool_position.
  Result<std::optional<SpoolPosition>> load() const;

  /// From now on positions are of this file.
  Result<void> begin(const SpoolIdentity& identity, std::uint64_t offset_bytes);

  /// Everything before `offset_bytes` of the file in hand is accepted.
  Result<void> store(std::uint64_t offset_bytes);

  /// There is no file in hand any more.
  Result<void> clear();

 private:
  Result<void> rewrite(std::uint64_t offset_bytes);

  const std::string path_;
  SpoolIdentity identity_;
  AvroMarker marker_ = {};
  io::AppendFile out_;
};

}  // namespace spillway::agent
