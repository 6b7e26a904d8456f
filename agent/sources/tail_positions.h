// Where reading of followed files goes on after a restart.
//
// Two files: the position file is Flume's, member for member, so that either program can take
// over from the other (Flume fails on members it does not know). Beside it `<file>.heads` holds a
// fingerprint of each file's first bytes, which tells a renamed file from a reused inode.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "wal/base/result.h"

namespace spillway::agent {

/// The first `size_bytes` bytes of a file hash to `hash`; 0 bytes: nothing is known.
struct TailHead {
  /// Enough to tell log files apart; read again whenever a file has changed.
  static constexpr std::uint64_t kBytesMax = 1'024;

  std::uint64_t size_bytes = 0;
  std::uint64_t hash = 0;

  friend bool operator==(const TailHead&, const TailHead&) = default;
};

struct TailPosition {
  std::uint64_t inode = 0;
  std::uint64_t offset_bytes = 0;  // everything before it was accepted
  std::string path;
  TailHead head = {};

  friend bool operator==(const TailPosition&, const TailPosition&) = default;
};

struct ParsedPositions {
  std::vector<TailPosition> positions;
  bool is_complete = true;  // false: the text ended early or is damaged behind `positions`
  std::uint64_t hash = 0;   // of the file's text, if it was read from one; 0: there is none
};

/// Accepts anything: Flume rewrites its file in place, so a crash can leave any part of it.
ParsedPositions parse_tail_positions(std::string_view json);
std::string format_tail_positions(const std::vector<TailPosition>& positions);

/// Fills in `head` of the positions whose inode the text names.
void parse_tail_heads(std::string_view json, std::vector<TailPosition>& positions);
std::string format_tail_heads(const std::vector<TailPosition>& positions);

/// Reads both files. A missing position file is an empty list.
Result<ParsedPositions> load_tail_positions(const std::string& path);

/// Replaces both files, each atomically and durably, creating the directory when it is missing.
/// A crash between the two leaves fingerprints that are older than the positions, which is fine:
/// first bytes do not change. Returns ParsedPositions::hash of what is there now.
Result<std::uint64_t> save_tail_positions(const std::string& path,
                                          const std::vector<TailPosition>& positions);

}  // namespace spillway::agent
