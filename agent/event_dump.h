// An event as Flume's logger sink shows it.
#pragma once

#include <cstddef>
#include <string>

#include "channel/event.h"

namespace spillway::agent {

/// `{ headers:{k=v} body: 48 65 6C 6C 6F                                  Hello }`: at most
/// `bytes_max` bytes of the body in hex, padded to Flume's 16 columns, then as ASCII. Always one
/// line: a control byte is a dot in the ASCII part and a space in the headers.
std::string dump_event(const channel::EventView& event, std::size_t bytes_max);

}  // namespace spillway::agent
