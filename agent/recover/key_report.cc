#include "agent/recover/key_report.h"

#include "checkpoint/key_check.h"
#include "wal/key_ring.h"

namespace spillway::agent::recover {

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
