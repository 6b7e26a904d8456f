// Java properties files: the grammar of java.util.Properties.load, with places and limits.
//
// Bytes are UTF-8; a byte that is not part of valid UTF-8 is read as ISO-8859-1, so that files
// written for Java's classic loader keep their meaning. Strings come out as UTF-8. Values keep
// trailing white space, as in Java; whoever wants them trimmed trims them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"

namespace spillway::agent {

struct Property {
  std::string key;
  std::string value;
  ConfigOrigin origin;  // the first line, when the value is continued over several
};

/// Far above any real file; a refusal names the limit.
struct PropertiesLimits {
  std::size_t file_bytes_max = 16U << 20U;
  std::size_t line_bytes_max = 1U << 20U;  // of one logical line, continuations joined
  std::size_t keys_max = 100'000;
  std::size_t problems_max = 100;  // reading stops there
};

/// All properties of `text` in their order, duplicates included. What cannot be read is left out
/// and appended to `problems` with its line; `file` only serves the places.
std::vector<Property> parse_properties(std::string_view text, const std::string& file,
                                       std::vector<ConfigProblem>& problems,
                                       const PropertiesLimits& limits = {});

/// What is in the file `path`. One that cannot be read is one problem without a line; of one that
/// is too large comes so much that parse_properties() says so.
std::optional<std::string> read_properties_text(const std::string& path,
                                                std::vector<ConfigProblem>& problems,
                                                const PropertiesLimits& limits = {});

/// Reads and parses `path`.
std::vector<Property> read_properties_file(const std::string& path,
                                           std::vector<ConfigProblem>& problems,
                                           const PropertiesLimits& limits = {});

}  // namespace spillway::agent
