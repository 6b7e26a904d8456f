#include "agent/sinks/http_rules.h"

#include <algorithm>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

constexpr HttpVerdict kSuccess{.backs_off = false, .rolls_back = false, .is_counted = true};

// 404, or 4XX.
bool is_code_or_group(std::string_view key) {
  if (key.size() != 3 || key[0] < '1' || key[0] > '5') return false;
  return key.substr(1) == "XX" ||
         std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<HttpRules> HttpRules::read(const Config& config) {
  HttpRules rules;
  rules.default_ = {.backs_off = config.boolean("defaultBackoff"),
                    .rolls_back = config.boolean("defaultRollback"),
                    .is_counted = config.boolean("defaultIncrementMetrics")};
  TRY_ASSIGN(rules.backoff_, read_rules(config, "backoff."));
  TRY_ASSIGN(rules.rollback_, read_rules(config, "rollback."));
  TRY_ASSIGN(rules.counting_, read_rules(config, "incrementMetrics."));
  return rules;
}

HttpVerdict HttpRules::verdict(long status) const {
  const HttpVerdict& otherwise = status / 100 == 2 ? kSuccess : default_;
  return {.backs_off = find(backoff_, status, otherwise.backs_off),
          .rolls_back = find(rollback_, status, otherwise.rolls_back),
          .is_counted = find(counting_, status, otherwise.is_counted)};
}

Result<HttpRules::Rules> HttpRules::read_rules(const Config& config, std::string_view prefix) {
  Rules rules;
  for (const auto& [key, value] : config.below(prefix)) {
    const auto parsed = parse_bool(value);
    if (!is_code_or_group(key) || !parsed) {
      return Error{.code = Errc::kBadConfig,
                   .what =
                       "backoff.*, rollback.* and incrementMetrics.* take a status code (404) "
                       "or a group (4XX), and true or false"};
    }
    rules[key] = *parsed;
  }
  return rules;
}

bool HttpRules::find(const Rules& rules, long status, bool otherwise) {
  const std::string code = std::to_string(status);
  auto rule = rules.find(code);
  if (rule == rules.end()) rule = rules.find(code.substr(0, 1) + "XX");
  return rule == rules.end() ? otherwise : rule->second;
}

}  // namespace spillway::agent
