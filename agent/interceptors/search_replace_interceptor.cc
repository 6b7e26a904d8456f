// `search_replace` interceptor: Java's replaceAll on the body.
//
// Source: Flume's SearchAndReplaceInterceptor. Bytes that are not UTF-8 pass unchanged, where Java
// would put U+FFFD. An event whose match takes too many steps is kept as it is, and counted.
#include <array>
#include <string>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/java_replacement.h"
#include "agent/regex.h"
#include "agent/registry.h"
#include "agent/text_encoding.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "searchPattern",
               .help = "Pattern whose matches are replaced, in Java's dialect.",
               .is_required = true},
    OptionSpec{.name = "replaceString",
               .help = "What stands for a match; $1 and ${name} are groups, a backslash takes the "
                       "meaning from what follows."},
    OptionSpec{.name = "charset",
               .type = OptionType::kEnum,
               .default_value = "utf-8",
               .help = "Character set of the bodies.",
               .choices = kEncodingChoices},
};

std::vector<OptionProblem> check(const Config& config) {
  const std::string& pattern = config.string("searchPattern");
  if (const auto reason = Regex::refuse(pattern)) return {{"searchPattern", *reason}};
  const auto regex = Regex::compile(pattern);
  const auto replacement = JavaReplacement::compile(config.string("replaceString"), regex.value());
  if (replacement.has_value()) return {};
  const Error& error = replacement.error();
  return {{"replaceString", std::string(error.what) + " at offset " + std::to_string(error.at)}};
}

/// Valid UTF-8 in a character set of one byte each; what it lacks becomes `?`, as in Java.
void append_encoded(std::string_view utf8, std::uint32_t last, std::string& out) {
  for (std::size_t at = 0; at < utf8.size();) {
    const auto lead = static_cast<unsigned char>(utf8[at]);
    const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    std::uint32_t point = lead;
    if (bytes == 2 && at + 1 < utf8.size()) {
      point = ((lead & 0x1FU) << 6U) | (static_cast<unsigned char>(utf8[at + 1]) & 0x3FU);
    } else if (bytes > 2) {
      point = UINT32_MAX;
    }
    out += point <= last ? static_cast<char>(point) : '?';
    at += bytes;
  }
}

class SearchReplaceInterceptor final : public Interceptor {
 public:
  SearchReplaceInterceptor(Regex regex, JavaReplacement replacement, Encoding encoding)
      : regex_(std::move(regex)), replacement_(std::move(replacement)), encoding_(encoding) {}

  Verdict intercept(EventDraft& event) override {
    if (encoding_ == Encoding::kUtf8) {
      if (replace(event.body(), event)) event.use_next_body();
      return Verdict::kKeep;
    }
    std::string decoded;
    append_as_utf8(event.body(), encoding_, decoded);
    if (!replace(decoded, event)) return Verdict::kKeep;
    event.use_next_body();
    append_encoded(event.body(), encoding_ == Encoding::kUsAscii ? 0x7F : 0xFF, event.next_body());
    event.use_next_body();
    return Verdict::kKeep;
  }

  void collect(MetricSink& sink) const override {
    sink.counter("gave_up_total", "Events whose match took too many steps.", gave_up_.value());
  }

 private:
  /// Builds the next body; false when nothing is to be replaced.
  bool replace(std::string_view text, EventDraft& event) {
    Regex::Match match;
    const Regex::Found found = regex_.find(text, 0, match);
    if (found == Regex::Found::kNone) return false;
    if (found == Regex::Found::kMatch &&
        replacement_.replace_all(regex_, text, event.next_body())) {
      return true;
    }
    gave_up_.add();
    return false;
  }

  const Regex regex_;
  const JavaReplacement replacement_;
  const Encoding encoding_;
  Counter gave_up_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  Regex regex = std::move(Regex::compile(config.string("searchPattern")).value());
  auto replacement = JavaReplacement::compile(config.string("replaceString"), regex);
  return std::make_unique<SearchReplaceInterceptor>(
      std::move(regex), std::move(replacement.value()), encoding_named(config.string("charset")));
}

}  // namespace

const InterceptorType kSearchReplaceInterceptor{
    .name = "search_replace",
    .java_class = "org.apache.flume.interceptor.SearchAndReplaceInterceptor$Builder",
    .help = "Replaces what matches a pattern in the body.",
    .options = kOptions,
    .check = check,
    .create = create,
};

}  // namespace spillway::agent
