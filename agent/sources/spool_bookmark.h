// SpoolBookmark: how far a spooldir source has read the file that its tracker names, as it stands
// in the channel with the last put.
//
// The tracker file names the file before its first put and says later how far it was accepted; it
// may be one put behind. The bookmark is not. It counts for the very contents that the tracker
// names, so that deleting the tracker file or putting a file back makes it be read again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/sources/spool_tracker.h"

namespace spillway::agent {

struct SpoolBookmark {
  SpoolIdentity identity;  // its path is not kept
  std::uint64_t offset_bytes = 0;
  std::uint64_t skipped_events = 0;  // behind the offset, and read all the same
  bool is_at_end = false;            // nothing is left to be read

  friend bool operator==(const SpoolBookmark&, const SpoolBookmark&) = default;
};

std::string format_spool_bookmark(const SpoolBookmark& bookmark);

/// nullopt when the text is none: it may be another kind of source's.
std::optional<SpoolBookmark> parse_spool_bookmark(std::string_view text);

/// Is it of the contents in `position`, and does it say no less?
[[nodiscard]] bool goes_on_from(const SpoolBookmark& bookmark, const SpoolPosition& position);

}  // namespace spillway::agent
