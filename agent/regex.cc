#define PCRE2_CODE_UNIT_WIDTH 8
#include "agent/regex.h"

#include <fmt/format.h>
#include <pcre2.h>

#include <algorithm>

#include "agent/java_regex.h"
#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::uint32_t kStepsMax = 100'000;  // about a millisecond
constexpr std::uint32_t kHeapKibMax = 1'024;
constexpr std::uint32_t kPatternBytesMax = 64 * 1024;

// Text that is not UTF-8 matches as far as it is: file names and bodies are bytes.
constexpr std::uint32_t kCompileFlags =
    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;

PCRE2_SPTR8 units_of(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR8>(text.empty() ? "" : text.data());
}

struct FreeCompile {
  void operator()(pcre2_compile_context_8* context) const { pcre2_compile_context_free_8(context); }
};
struct FreeContext {
  void operator()(pcre2_match_context_8* context) const { pcre2_match_context_free_8(context); }
};
struct FreeMatch {
  void operator()(pcre2_match_data_8* match) const { pcre2_match_data_free_8(match); }
};

/// What a match is computed in: one per thread, as large as its largest pattern needs.
struct Workspace {
  Workspace() : limits(pcre2_match_context_create_8(nullptr)) {
    CHECK(limits != nullptr);
    pcre2_set_match_limit_8(limits.get(), kStepsMax);
    pcre2_set_heap_limit_8(limits.get(), kHeapKibMax);
  }

  pcre2_match_data_8* match_data(std::size_t groups) {
    if (match == nullptr || pairs < groups + 1) {
      pairs = std::max<std::size_t>(groups + 1, 16);
      match.reset(pcre2_match_data_create_8(static_cast<std::uint32_t>(pairs), nullptr));
      CHECK(match != nullptr);
    }
    return match.get();
  }

  std::unique_ptr<pcre2_match_context_8, FreeContext> limits;
  std::unique_ptr<pcre2_match_data_8, FreeMatch> match;
  std::size_t pairs = 0;
};

Workspace& workspace() {
  thread_local Workspace own;
  return own;
}

struct Compiled {
  pcre2_code_8* code = nullptr;
  int error = 0;
  PCRE2_SIZE at = 0;
};

Compiled compile_pcre2(std::string_view pattern) {
  const std::unique_ptr<pcre2_compile_context_8, FreeCompile> context(
      pcre2_compile_context_create_8(nullptr));
  CHECK(context != nullptr);
  pcre2_set_newline_8(context.get(), PCRE2_NEWLINE_ANY);  // as Java's `.`, `^` and `$`
  pcre2_set_max_pattern_length_8(context.get(), kPatternBytesMax);
  Compiled compiled;
  compiled.code = pcre2_compile_8(units_of(pattern), pattern.size(), kCompileFlags, &compiled.error,
                                  &compiled.at, context.get());
  return compiled;
}

}  // namespace

void Regex::FreeCode::operator()(pcre2_real_code_8* code) const {
  pcre2_code_free_8(code);
}

Regex::Regex(pcre2_real_code_8* code) : code_(code) {
  std::uint32_t groups = 0;
  CHECK(pcre2_pattern_info_8(code, PCRE2_INFO_CAPTURECOUNT, &groups) == 0);
  group_count_ = groups;
  // Where the system forbids generated code, the interpreter does it.
  static_cast<void>(pcre2_jit_compile_8(code, PCRE2_JIT_COMPLETE));
}

Result<Regex> Regex::compile(std::string_view pattern) {
  TRY_ASSIGN(const std::string translated, translate_java_regex(pattern));
  const Compiled compiled = compile_pcre2(translated);
  if (compiled.code == nullptr) {
    return Error{
        .code = Errc::kBadConfig, .what = "not a valid regular expression", .at = compiled.at};
  }
  return Regex(compiled.code);
}

std::optional<std::string> Regex::refuse(std::string_view pattern) {
  const auto translated = translate_java_regex(pattern);
  if (!translated.has_value()) {
    const Error& error = translated.error();
    return fmt::format(
        "the regular expression {} at offset {}: {}",
        error.code == Errc::kUnsupported ? "has what cannot be translated from Java" : "is wrong",
        error.at, error.what);
  }
  const Compiled compiled = compile_pcre2(translated.value());
  if (compiled.code != nullptr) {
    pcre2_code_free_8(compiled.code);
    return std::nullopt;
  }
  std::string message(256, '\0');
  const int bytes = pcre2_get_error_message_8(
      compiled.error, reinterpret_cast<PCRE2_UCHAR8*>(message.data()), message.size());
  message.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return fmt::format("the regular expression is wrong at offset {}: {}", compiled.at, message);
}

int Regex::run(std::string_view text, std::size_t from, std::uint32_t options) const {
  Workspace& own = workspace();
  pcre2_match_data_8* const match = own.match_data(group_count_);
  const auto run_with = [&](std::uint32_t flags) {
    return pcre2_match_8(code_.get(), units_of(text), text.size(), from, flags, match,
                         own.limits.get());
  };
  const int outcome = run_with(options);
  // Compiled code has less stack than the interpreter has heap.
  return outcome == PCRE2_ERROR_JIT_STACKLIMIT ? run_with(options | PCRE2_NO_JIT) : outcome;
}

bool Regex::matches_all(std::string_view text) const {
  return run(text, 0, PCRE2_ANCHORED | PCRE2_ENDANCHORED) >= 0;
}

Regex::Found Regex::find(std::string_view text, std::size_t from, Match& match) const {
  const int outcome = run(text, from, 0);
  if (outcome == PCRE2_ERROR_NOMATCH) return Found::kNone;
  if (outcome < 0) return Found::kGaveUp;
  const std::size_t* const offsets = pcre2_get_ovector_pointer_8(workspace().match.get());
  if (offsets[0] > offsets[1]) return Found::kGaveUp;  // \K in a lookahead; Java has no \K
  match.text_ = text;
  match.offsets_ = offsets;
  match.groups_ = static_cast<std::size_t>(outcome);
  return Found::kMatch;
}

std::optional<std::string_view> Regex::Match::group(std::size_t index) const {
  if (index >= groups_ || offsets_[2 * index] == PCRE2_UNSET) return std::nullopt;
  return text_.substr(offsets_[2 * index], offsets_[2 * index + 1] - offsets_[2 * index]);
}

std::optional<std::size_t> Regex::group_named(std::string_view name) const {
  const std::string text(name);  // PCRE2 wants its end marked
  const int number =
      pcre2_substring_number_from_name_8(code_.get(), reinterpret_cast<PCRE2_SPTR8>(text.c_str()));
  if (number <= 0) return std::nullopt;
  return static_cast<std::size_t>(number);
}

}  // namespace spillway::agent
