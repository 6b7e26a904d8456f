#include "agent/sources/syslog_keep_fields.h"

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

void append_field(std::string_view field, std::string& body) {
  body += field.empty() ? "-" : field;
  body += ' ';
}

}  // namespace

KeepFields KeepFields::parse(std::string_view text) {
  const std::string lower = to_lower(text);
  if (lower == "none" || lower == "false") return {};
  if (lower == "all" || lower == "true") return {.all = true};
  const auto names = [&lower](const char* field) { return lower.find(field) != std::string::npos; };
  return {.priority = names("priority"),
          .version = names("version"),
          .timestamp = names("timestamp"),
          .host_name = names("hostname")};
}

void join_kept_fields(const KeepFields& keep, const SyslogHeader& header, std::string_view message,
                      std::string& body) {
  body.clear();
  if (keep.priority) {
    body += '<';
    body += header.priority;
    body += '>';
  }
  if (keep.version && !header.version.empty()) append_field(header.version, body);
  if (keep.timestamp) append_field(header.timestamp, body);
  if (keep.host_name) append_field(header.host, body);
  body += message;
}

}  // namespace spillway::agent
