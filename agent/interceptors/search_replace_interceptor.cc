// `search_replace` interceptor: Java's replaceAll on the body.
//
// Source: Flume's SearchAndReplaceInterceptor. Bytes that are no text become U+FFFD where something
// is replaced; other events stay as they are, also those whose match takes too many steps, which
// are counted.
#include <array>
#include <string>

#include "agent/charset.h"
#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/java_replacement.h"
#include "agent/regex.h"
#include "agent/registry.h"
#include "agent/text_decoder.h"

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
               .choices = kCharsetChoices},
};

std::vector<OptionProblem> check(const Config& config) {
  const auto charset = Charset::named(config.string("charset"));
  if (!charset.has_value()) return {{"charset", to_string(charset.error())}};
  const std::string& pattern = config.string("searchPattern");
  if (const auto reason = Regex::refuse(pattern)) return {{"searchPattern", *reason}};
  const auto regex = Regex::compile(pattern);
  const auto replacement = JavaReplacement::compile(config.string("replaceString"), regex.value());
  if (replacement.has_value()) return {};
  const Error& error = replacement.error();
  return {{"replaceString", std::string(error.what) + " at offset " + std::to_string(error.at)}};
}

class SearchReplaceInterceptor final : public Interceptor {
 public:
  SearchReplaceInterceptor(Regex regex, JavaReplacement replacement, Charset charset)
      : regex_(std::move(regex)),
        replacement_(std::move(replacement)),
        charset_(std::move(charset)) {}

  Verdict intercept(EventDraft& event) override {
    std::string decoded;
    if (charset_.plain() == Encoding::kUtf8) {
      if (replace(as_utf8(event.body(), decoded), event)) event.use_next_body();
      return Verdict::kKeep;
    }
    charset_.append_as_utf8(event.body(), decoded);
    if (!replace(decoded, event)) return Verdict::kKeep;
    event.use_next_body();
    charset_.append_encoded(event.body(), event.next_body());
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
  const Charset charset_;
  Counter gave_up_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  Regex regex = std::move(Regex::compile(config.string("searchPattern")).value());
  auto replacement = JavaReplacement::compile(config.string("replaceString"), regex);
  return std::make_unique<SearchReplaceInterceptor>(
      std::move(regex), std::move(replacement.value()),
      Charset::named(config.string("charset")).value());
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
