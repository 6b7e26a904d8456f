// Events as `spillway recover cat` prints them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "channel/event.h"
#include "wal/base/bytes.h"
#include "wal/position.h"

namespace spillway::agent::recover {

enum class EventFormat : std::uint8_t {
  kText,  // for people: one line, control bytes and what is no UTF-8 escaped
  kJson,  // for programs: one object per line; nothing is lost
  kRaw,   // bodies only, as they are
};

/// Appends one event with its end of line; `separator` follows a raw body.
void append_event(EventFormat format, wal::Sequence sequence, const channel::EventView& event,
                  std::string_view separator, std::string& out);

/// Stored whole, but no event: appends a JSON line with the bytes.
void append_undecodable(wal::Sequence sequence, ByteSpan bytes, std::string& out);

}  // namespace spillway::agent::recover
