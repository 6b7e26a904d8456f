// `regex_filter` interceptor: keeps or drops events by what is in their body.
//
// Source: Flume's RegexFilteringInterceptor: the pattern may match anywhere (find); bytes that are
// not UTF-8 are matched as U+FFFD. A match that takes too many steps counts as none, and is
// counted.
#include <array>
#include <string>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/regex.h"
#include "agent/registry.h"
#include "agent/text_encoding.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "regex",
               .default_value = ".*",
               .help = "Pattern looked for in the body, in Java's dialect."},
    OptionSpec{.name = "excludeEvents",
               .type = OptionType::kBool,
               .default_value = "false",
               .help = "Whether events that match are dropped; otherwise those that do not."},
};

std::vector<OptionProblem> check(const Config& config) {
  const auto reason = Regex::refuse(config.string("regex"));
  if (!reason) return {};
  return {{"regex", *reason}};
}

class RegexFilterInterceptor final : public Interceptor {
 public:
  RegexFilterInterceptor(Regex regex, bool is_excluding)
      : regex_(std::move(regex)), is_excluding_(is_excluding) {}

  Verdict intercept(EventDraft& event) override {
    std::string decoded;
    Regex::Match match;
    const Regex::Found found = regex_.find(as_utf8(event.body(), decoded), 0, match);
    if (found == Regex::Found::kGaveUp) gave_up_.add();
    return (found == Regex::Found::kMatch) != is_excluding_ ? Verdict::kKeep : Verdict::kDrop;
  }

  void collect(MetricSink& sink) const override {
    sink.counter("gave_up_total", "Events whose match took too many steps.", gave_up_.value());
  }

 private:
  const Regex regex_;
  const bool is_excluding_;
  Counter gave_up_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  return std::make_unique<RegexFilterInterceptor>(
      std::move(Regex::compile(config.string("regex")).value()), config.boolean("excludeEvents"));
}

}  // namespace

const InterceptorType kRegexFilterInterceptor{
    .name = "regex_filter",
    .java_class = "org.apache.flume.interceptor.RegexFilteringInterceptor$Builder",
    .help = "Keeps or drops events by a pattern in the body.",
    .options = kOptions,
    .can_drop = true,
    .check = check,
    .create = create,
};

}  // namespace spillway::agent
