// Regex: a pattern of java.util.regex, matched by PCRE2 and bounded in steps.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "wal/base/result.h"

struct pcre2_real_code_8;  // PCRE2's own header stays out of ours

namespace spillway::agent {

/// Immutable; thread-safe. Texts are bytes: a byte that is not UTF-8 matches nothing.
class Regex {
 public:
  /// Translates Java's spelling (agent/java_regex.h). kBadConfig or kUnsupported with the offset of
  /// the mistake in `at`.
  static Result<Regex> compile(std::string_view pattern);

  /// Why `pattern` does not compile, as a sentence; nullopt when it does.
  static std::optional<std::string> refuse(std::string_view pattern);

  /// Does the pattern match all of `text`? A match that takes too many steps counts as none:
  /// patterns come from operators, texts from anywhere.
  [[nodiscard]] bool matches_all(std::string_view text) const;

  /// A match and its groups; valid until the next find() or matches_all() of the thread.
  class Match {
   public:
    [[nodiscard]] std::size_t begin() const { return offsets_[0]; }
    [[nodiscard]] std::size_t end() const { return offsets_[1]; }
    /// nullopt for a group that took no part; 0 is the whole match.
    [[nodiscard]] std::optional<std::string_view> group(std::size_t index) const;

   private:
    friend class Regex;
    std::string_view text_;
    const std::size_t* offsets_ = nullptr;  // pairs
    std::size_t groups_ = 0;
  };

  enum class Found : std::uint8_t {
    kNone,
    kMatch,
    kGaveUp,  // took too many steps
  };

  /// The first match that begins at `from` or behind it; `from` is not inside a character.
  Found find(std::string_view text, std::size_t from, Match& match) const;

  /// Without group 0.
  [[nodiscard]] std::size_t group_count() const { return group_count_; }
  [[nodiscard]] std::optional<std::size_t> group_named(std::string_view name) const;

 private:
  struct FreeCode {
    void operator()(pcre2_real_code_8* code) const;
  };

  explicit Regex(pcre2_real_code_8* code);

  int run(std::string_view text, std::size_t from, std::uint32_t options) const;

  std::unique_ptr<pcre2_real_code_8, FreeCode> code_;
  std::size_t group_count_ = 0;
};

}  // namespace spillway::agent
