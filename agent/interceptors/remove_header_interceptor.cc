// `remove_header` interceptor: takes headers away by name, list or pattern.
//
// Source: Flume's RemoveHeaderInterceptor. The pattern must match a whole name; the separator of
// the list is a pattern, too.
#include <array>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "agent/config.h"
#include "agent/interceptor.h"
#include "agent/regex.h"
#include "agent/registry.h"

namespace spillway::agent {
namespace {

constexpr std::array kOptions{
    OptionSpec{.name = "withName", .help = "Name of a header to remove."},
    OptionSpec{.name = "fromList", .help = "Names of headers to remove."},
    OptionSpec{.name = "fromListSeparator",
               .default_value = R"(\s*,\s*)",
               .help = "Pattern that separates the names of the list."},
    OptionSpec{.name = "matching",
               .help = "Pattern; a header whose whole name matches is removed."},
};

std::vector<OptionProblem> check(const Config& config) {
  std::vector<OptionProblem> problems;
  for (const char* const option : {"fromListSeparator", "matching"}) {
    if (!config.is_given(option)) continue;
    if (const auto reason = Regex::refuse(config.string(option))) {
      problems.push_back({option, *reason});
    }
  }
  if (!config.is_given("withName") && !config.is_given("fromList") &&
      !config.is_given("matching")) {
    problems.push_back({"withName", "one of withName, fromList and matching must be given"});
  }
  return problems;
}

using Names = std::set<std::string, std::less<>>;

/// As Java's split; an empty name is no header's.
void split_into(std::string_view list, const Regex& separator, Names& names) {
  std::size_t begin = 0;
  std::size_t from = 0;
  Regex::Match match;
  while (from <= list.size() && separator.find(list, from, match) == Regex::Found::kMatch) {
    if (match.end() > match.begin()) {
      names.emplace(list.substr(begin, match.begin() - begin));
      begin = match.end();
    }
    from = std::max(match.end(), from + 1);
  }
  names.emplace(list.substr(begin));
}

class RemoveHeaderInterceptor final : public Interceptor {
 public:
  explicit RemoveHeaderInterceptor(const Config& config) {
    if (config.is_given("withName")) names_.insert(config.string("withName"));
    if (config.is_given("fromList")) {
      const auto separator = Regex::compile(config.string("fromListSeparator"));
      split_into(config.string("fromList"), separator.value(), names_);
    }
    if (config.is_given("matching")) {
      matching_.emplace(std::move(Regex::compile(config.string("matching")).value()));
    }
  }

  Verdict intercept(EventDraft& event) override {
    event.remove_headers_if([this](const channel::HeaderView& header) {
      return names_.contains(header.key) || (matching_ && matching_->matches_all(header.key));
    });
    return Verdict::kKeep;
  }

 private:
  Names names_;
  std::optional<Regex> matching_;
};

std::unique_ptr<Interceptor> create(const ComponentContext&, const Config& config) {
  return std::make_unique<RemoveHeaderInterceptor>(config);
}

}  // namespace

const InterceptorType kRemoveHeaderInterceptor{
    .name = "remove_header",
    .java_class = "org.apache.flume.interceptor.RemoveHeaderInterceptor$Builder",
    .help = "Removes headers by name or pattern.",
    .options = kOptions,
    .check = check,
    .create = create,
};

}  // namespace spillway::agent
