// Regex: a pattern in java.util.regex's dialect as far as PCRE2 shares it, bounded in time.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "wal/base/result.h"

struct pcre2_real_code_8;  // PCRE2's own header stays out of ours

namespace spillway::agent {

/// Immutable; thread-safe.
class Regex {
 public:
  /// kBadConfig with the offset of the mistake in `at`.
  static Result<Regex> compile(std::string_view pattern);

  /// Does the pattern match all of `text`? A match that takes too many steps counts as none:
  /// patterns come from operators, texts from anywhere.
  [[nodiscard]] bool matches_all(std::string_view text) const;

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };

  explicit Regex(pcre2_real_code_8* code) : code_(code) {}

  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
};

}  // namespace spillway::agent
