// JavaReplacement: the second argument of Java's replaceAll.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "agent/regex.h"
#include "wal/base/result.h"

namespace spillway::agent {

/// Immutable; thread-safe. `$1` and `${name}` stand for groups, `\x` for x.
class JavaReplacement {
 public:
  /// Refers to groups of `regex`: kBadConfig when it has none of that number or name.
  static Result<JavaReplacement> compile(std::string_view text, const Regex& regex);

  /// Appends `text` with every match replaced. False, and `out` is of no use: a match took too many
  /// steps.
  bool replace_all(const Regex& regex, std::string_view text, std::string& out) const;

 private:
  struct Piece {
    std::string literal;
    std::size_t group = 0;  // behind the literal; 0 is the whole match
    bool has_group = false;
  };

  explicit JavaReplacement(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  std::vector<Piece> pieces_;
};

}  // namespace spillway::agent
