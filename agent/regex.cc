#define PCRE2_CODE_UNIT_WIDTH 8
#include "agent/regex.h"

#include <pcre2.h>

#include "wal/base/check.h"

namespace spillway::agent {
namespace {

constexpr std::uint32_t kStepsMax = 100'000;  // about a millisecond
constexpr std::uint32_t kHeapKibMax = 1'024;

// Text that is not UTF-8 matches as far as it is: file names are bytes.
constexpr std::uint32_t kCompileFlags =
    PCRE2_UTF | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;

PCRE2_SPTR8 units_of(std::string_view text) {
  return reinterpret_cast<PCRE2_SPTR8>(text.data());
}

struct FreeContext {
  void operator()(pcre2_match_context_8* context) const { pcre2_match_context_free_8(context); }
};
struct FreeMatch {
  void operator()(pcre2_match_data_8* match) const { pcre2_match_data_free_8(match); }
};

}  // namespace

void Regex::FreeCode::operator()(pcre2_real_code_8* code) const {
  pcre2_code_free_8(code);
}

Result<Regex> Regex::compile(std::string_view pattern) {
  int error = 0;
  PCRE2_SIZE at = 0;
  pcre2_code_8* const code =
      pcre2_compile_8(units_of(pattern), pattern.size(), kCompileFlags, &error, &at, nullptr);
  if (code == nullptr) {
    return Error{.code = Errc::kBadConfig, .what = "not a valid regular expression", .at = at};
  }
  return Regex(code);
}

bool Regex::matches_all(std::string_view text) const {
  const std::unique_ptr<pcre2_match_context_8, FreeContext> limits(
      pcre2_match_context_create_8(nullptr));
  const std::unique_ptr<pcre2_match_data_8, FreeMatch> match(
      pcre2_match_data_create_from_pattern_8(code_.get(), nullptr));
  CHECK(limits != nullptr && match != nullptr);
  pcre2_set_match_limit_8(limits.get(), kStepsMax);
  pcre2_set_heap_limit_8(limits.get(), kHeapKibMax);
  return pcre2_match_8(code_.get(), units_of(text), text.size(), 0,
                       PCRE2_ANCHORED | PCRE2_ENDANCHORED, match.get(), limits.get()) >= 0;
}

}  // namespace spillway::agent
