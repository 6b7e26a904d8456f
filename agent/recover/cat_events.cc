#include "agent/recover/cat_events.h"

#include <optional>

#include "agent/recover/event_reader.h"

namespace spillway::agent::recover {

Result<bool> cat_events(const OfflineChannel& channel, const EventFilter& filter,
                        const CatOptions& options, Output& out, Output& notes) {
  TRY_ASSIGN(const auto reader, EventReader::open(channel, filter));
  std::string line;
  while (!out.is_broken()) {
    TRY_ASSIGN(const auto step, reader->next());
    if (!step) break;
    line.clear();
    if (step->event) {
      append_event(options.format, step->sequence, *step->event, options.separator, line);
      out.write(line);
      continue;
    }
    if (step->undecodable && options.format == EventFormat::kJson) {
      append_undecodable(step->sequence, *step->undecodable, line);
      out.write(line);
    }
    out.flush();
    notes.write(damage_in_words(*step));
    notes.flush();
  }
  return reader->has_damage();
}

}  // namespace spillway::agent::recover
