// Serializer: one event as the text a file-writing sink stores.
//
// The only place that knows Flume's serializer names and their output (flume user guide, "Event
// Serializers"). The sink owns the file and decides when to write.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "channel/event.h"

namespace spillway::agent {

class Serializer {
 public:
  enum class Form : std::uint8_t {
    kText,           // body
    kHeaderAndText,  // {key=value, key2=value2} body
  };

  /// Names accepted for a `serializer` option, as OptionSpec::choices: Flume's aliases and the
  /// class names behind them.
  static constexpr std::string_view kChoices =
      "text|header_and_text|"
      "org.apache.flume.serialization.bodytexteventserializer$builder|"
      "org.apache.flume.serialization.headerandbodytexteventserializer$builder";

  /// `name` is one of kChoices, in lower case.
  Serializer(std::string_view name, bool appends_newline);

  /// Appends `event` to `out`. Bodies are copied as they are, newlines included.
  void append(const channel::EventView& event, std::string& out) const;

 private:
  Form form_;
  bool appends_newline_;
};

/// Appends Java's form of a map: "{key=value, key2=value2}", headers in the event's order.
void append_headers(const channel::EventView& event, std::string& out);

}  // namespace spillway::agent
