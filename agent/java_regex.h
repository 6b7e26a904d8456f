// Regular expressions of java.util.regex, written for PCRE2.
//
// Most of the two dialects is the same. What is spelled differently is translated, what PCRE2 would
// understand differently or not at all is refused. Source: the documentation of
// java.util.regex.Pattern (Java 8) and pcre2pattern(3).
#pragma once

#include <string>
#include <string_view>

#include "wal/base/result.h"

namespace spillway::agent {

/// The pattern for PCRE2; kUnsupported or kBadConfig with the offset in `pattern` in `at`.
///
/// \b and \B know all letters, as in Java until 18. Known to differ in matching: (?i) folds all of
/// Unicode (as Java with (?iu)), and VT and FF end a line, too.
Result<std::string> translate_java_regex(std::string_view pattern);

}  // namespace spillway::agent
