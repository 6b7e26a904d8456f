// `regex_extractor` interceptor: groups of a match in the body become headers.
//
// Source: Flume's RegexExtractorInterceptor and its serializers: the first match (find), the i-th
// serializer gets group i; bytes that are not UTF-8 are U+FFFD. A group that took no part, and a
// time that cannot be read, set no header; the latter is counted, where Flume would fail the batch
// for ever.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <ctime>
#include <optional>
#include <string>
#include <vector>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/joda_time.h"
#include "agent/option_value.h"
#include "agent/regex.h"
#include "agent/registry.h"
#include "agent/text_encoding.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "regex",
               .help = "Pattern looked for in the body, in Java's dialect.",
               .is_required = true},
    OptionSpec{.name = "serializers",
               .type = OptionType::kList,
               .help = "Names of serializers; the first gets the first group, and so on.",
               .is_required = true},
    OptionSpec{.name = "serializers.*",
               .help =
                   "For <serializer>.name the header; for .type default or Flume's class of the "
                   "millis serializer, whose .pattern is Joda's."},
};

constexpr std::string_view kPackage = "org.apache.flume.interceptor.RegexExtractorInterceptor";

enum class Kind : std::uint8_t { kText, kMillis };

/// `type` of a serializer; nullopt when there is none like it.
std::optional<Kind> kind_named(std::string_view type) {
  if (to_lower(type) == "default") return Kind::kText;
  if (to_lower(type) == "millis") return Kind::kMillis;
  if (!type.starts_with(kPackage)) return std::nullopt;
  type.remove_prefix(kPackage.size());
  if (type == "PassThroughSerializer") return Kind::kText;
  if (type == "MillisSerializer") return Kind::kMillis;
  return std::nullopt;
}

std::string text_of(const Config& config, const std::string& option, std::string_view fallback) {
  return config.is_given(option) ? config.string(option) : std::string(fallback);
}

void check_serializer(const Config& config, const std::string& name,
                      std::vector<OptionProblem>& problems) {
  const std::string prefix = "serializers." + name + ".";
  const auto refuse = [&problems](std::string option, std::string reason) {
    problems.push_back({std::move(option), std::move(reason)});
  };
  if (!config.is_given(prefix + "name")) {
    refuse("serializers", fmt::format("{} has no name; write serializers.{}.name = <header>",
                                      in_quotes(name), name));
  }
  const std::string type = text_of(config, prefix + "type", "default");
  const std::optional<Kind> kind = kind_named(type);
  if (!kind) {
    refuse(prefix + "type",
           fmt::format("{} is not a serializer; there is: default, millis", in_quotes(type)));
    return;
  }
  if (*kind == Kind::kText) return;
  if (!config.is_given(prefix + "pattern")) {
    refuse(prefix + "type", fmt::format("millis needs serializers.{}.pattern", name));
    return;
  }
  const auto pattern = JodaTime::compile(config.string(prefix + "pattern"));
  if (pattern.has_value()) return;
  refuse(prefix + "pattern",
         fmt::format("{} at offset {}", pattern.error().what, pattern.error().at));
}

std::vector<OptionProblem> check(const Config& config) {
  if (const auto reason = Regex::refuse(config.string("regex"))) return {{"regex", *reason}};
  std::vector<OptionProblem> problems;
  const std::vector<std::string> names = config.list("serializers");
  const std::size_t groups = Regex::compile(config.string("regex")).value().group_count();
  if (names.size() > groups) {
    problems.push_back({"serializers", fmt::format("{} serializers for {} groups of the pattern",
                                                   names.size(), groups)});
  }
  for (const std::string& name : names) check_serializer(config, name, problems);
  for (const auto& [key, value] : config.below("serializers.")) {
    const std::size_t dot = key.find('.');
    const std::string option = dot == std::string::npos ? "" : key.substr(dot + 1);
    const bool is_listed = std::find(names.begin(), names.end(), key.substr(0, dot)) != names.end();
    if (!is_listed) {
      problems.push_back({"serializers." + key, "belongs to no serializer of the list"});
    } else if (option != "name" && option != "type" && option != "pattern") {
      problems.push_back({"serializers." + key, "unknown option; there is: name, type, pattern"});
    }
  }
  return problems;
}

int year_of(std::int64_t wall_ms) {
  const std::time_t seconds = wall_ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return utc.tm_year + 1900;
}

class RegexExtractorInterceptor final : public Interceptor {
 public:
  struct Serializer {
    std::string header;
    std::optional<JodaTime> time = {};  // none: the text as it is
  };

  RegexExtractorInterceptor(Regex regex, std::vector<Serializer> serializers)
      : regex_(std::move(regex)), serializers_(std::move(serializers)) {}

  Verdict intercept(EventDraft& event) override {
    std::string decoded;
    Regex::Match match;
    const Regex::Found found = regex_.find(as_utf8(event.body(), decoded), 0, match);
    if (found == Regex::Found::kGaveUp) gave_up_.add();
    if (found != Regex::Found::kMatch) return Verdict::kKeep;
    for (std::size_t i = 0; i < serializers_.size(); ++i) {
      const auto group = match.group(i + 1);
      if (!group) continue;
      const Serializer& serializer = serializers_[i];
      if (serializer.time) {
        set_millis(serializer, *group, event);
      } else {
        event.set_header(serializer.header, event.keep(*group));
      }
    }
    return Verdict::kKeep;
  }

  void collect(MetricSink& sink) const override {
    sink.counter("gave_up_total", "Events whose match took too many steps.", gave_up_.value());
    sink.counter("unread_times_total", "Groups that were no time of their pattern.",
                 unread_times_.value());
  }

 private:
  void set_millis(const Serializer& serializer, std::string_view text, EventDraft& event) {
    const auto millis = serializer.time->parse(text, year_of(event.wall_ms()));
    if (!millis) {
      unread_times_.add();
      return;
    }
    std::array<char, 24> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *millis);
    event.set_header(
        serializer.header,
        event.keep({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())}));
  }

  const Regex regex_;
  const std::vector<Serializer> serializers_;
  Counter gave_up_;
  Counter unread_times_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  std::vector<RegexExtractorInterceptor::Serializer> serializers;
  for (const std::string& name : config.list("serializers")) {
    const std::string prefix = "serializers." + name + ".";
    RegexExtractorInterceptor::Serializer serializer{.header = config.string(prefix + "name")};
    if (kind_named(text_of(config, prefix + "type", "default")) == Kind::kMillis) {
      serializer.time = std::move(JodaTime::compile(config.string(prefix + "pattern")).value());
    }
    serializers.push_back(std::move(serializer));
  }
  return std::make_unique<RegexExtractorInterceptor>(
      std::move(Regex::compile(config.string("regex")).value()), std::move(serializers));
}

}  // namespace

const InterceptorType kRegexExtractorInterceptor{
    .name = "regex_extractor",
    .java_class = "org.apache.flume.interceptor.RegexExtractorInterceptor$Builder",
    .help = "Copies groups of a match in the body to headers.",
    .options = kOptions,
    .check = check,
    .create = create,
};

}  // namespace spillway::agent
