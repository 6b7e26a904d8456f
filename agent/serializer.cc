#include "agent/serializer.h"

namespace spillway::agent {

Serializer::Serializer(std::string_view name, bool appends_newline)
    : form_(name.find("header") == std::string_view::npos ? Form::kText : Form::kHeaderAndText),
      appends_newline_(appends_newline) {}

void Serializer::append(const channel::EventView& event, std::string& out) const {
  if (form_ == Form::kHeaderAndText) {
    append_headers(event, out);
    out += ' ';
  }
  out += event.body();
  if (appends_newline_) out += '\n';
}

void append_headers(const channel::EventView& event, std::string& out) {
  std::string_view separator = "{";
  event.for_each_header([&](const channel::HeaderView& header) {
    out.append(separator).append(header.key).append("=").append(header.value);
    separator = ", ";
  });
  if (separator == "{") out += '{';
  out += '}';
}

}  // namespace spillway::agent
