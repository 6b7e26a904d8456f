#include "agent/list_components.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <vector>

#include "agent/cli.h"
#include "agent/component.h"
#include "agent/option_value.h"
#include "agent/registry.h"
#include "agent/runner_options.h"
#include "agent/suggestion.h"

namespace spillway::agent {
namespace {

using Json = nlohmann::ordered_json;

struct Listing {
  std::string_view kind;  // source, channel, sink, selector, interceptor, sink processor
  std::string_view name;
  std::string_view java_class;
  std::string_view help;
  std::span<const OptionSpec> options;
  std::span<const OptionSpec> runner;  // what every component of this kind has
};

template <class Type>
void append(std::string_view kind, std::span<const Type* const> types,
            std::span<const OptionSpec> runner, std::vector<Listing>& listings) {
  for (const Type* const type : types) {
    listings.push_back({kind, type->name, type->java_class, type->help, type->options, runner});
  }
}

std::vector<Listing> all_listings() {
  std::vector<Listing> listings;
  append("source", source_types(), source_runner_options(), listings);
  append("channel", channel_types(), channel_runner_options(), listings);
  append("sink", sink_types(), sink_runner_options(), listings);
  append("selector", selector_types(), {}, listings);
  append("interceptor", interceptor_types(), interceptor_runner_options(), listings);
  append("sink processor", sink_processor_types(), sink_group_options(), listings);
  return listings;
}

std::string_view type_word(OptionType type) {
  switch (type) {
    case OptionType::kString:
      return "string";
    case OptionType::kPath:
      return "path";
    case OptionType::kBytes:
      return "bytes";
    case OptionType::kMillis:
      return "milliseconds";
    case OptionType::kSeconds:
      return "seconds";
    case OptionType::kCount:
      return "count";
    case OptionType::kBool:
      return "boolean";
    case OptionType::kEnum:
      return "choice";
    case OptionType::kList:
      return "list";
  }
  return "";
}

/// "1 to 100", "at least 1", "at most 100", "a, b, c" or nothing.
std::string limits_of(const OptionSpec& spec) {
  if (!spec.choices.empty()) return fmt::format("{}", fmt::join(split_choices(spec.choices), ", "));
  if (spec.min > 0 && spec.max < UINT64_MAX) return fmt::format("{} to {}", spec.min, spec.max);
  if (spec.min > 0) return fmt::format("at least {}", spec.min);
  if (spec.max < UINT64_MAX) return fmt::format("at most {}", spec.max);
  return {};
}

std::string meaning_of(const OptionSpec& spec) {
  if (spec.notice.empty()) return std::string(spec.help);
  if (!spec.notice_value.empty()) {
    return fmt::format("{} {} is accepted, but {}.", spec.help, spec.notice_value, spec.notice);
  }
  return fmt::format("{} Accepted, but {}.", spec.help, spec.notice);
}

std::string default_of(const OptionSpec& spec) {
  if (spec.is_required) return "required";
  return std::string(spec.default_value);
}

void print_options(std::span<const OptionSpec> options, std::FILE* out) {
  for (const OptionSpec& spec : options) {
    std::string facts(type_word(spec.type));
    if (const std::string limits = limits_of(spec); !limits.empty()) facts += ", " + limits;
    if (spec.is_required) {
      facts += ", required";
    } else if (!spec.default_value.empty()) {
      facts += fmt::format(", default {}", spec.default_value);
    }
    fmt::print(out, "  {}  ({})\n      {}\n", spec.name, facts, meaning_of(spec));
  }
}

/// What the options that all types of a kind share belong to.
std::string_view holder_of(std::string_view kind) {
  return kind == "sink processor" ? "sink group" : kind;
}

void print_details(const Listing& listing, std::FILE* out) {
  fmt::print(out, "{} {}\n{}\n", listing.kind, listing.name, listing.help);
  if (!listing.java_class.empty()) fmt::print(out, "type may also be {}\n", listing.java_class);
  fmt::print(out, "\noptions:\n");
  print_options(listing.options, out);
  if (listing.runner.empty()) return;
  fmt::print(out, "\noptions of every {}:\n", holder_of(listing.kind));
  print_options(listing.runner, out);
}

void print_overview(const std::vector<Listing>& listings, std::FILE* out) {
  std::string_view kind;
  for (const Listing& listing : listings) {
    if (listing.kind != kind) fmt::print(out, "{}{}s:\n", kind.empty() ? "" : "\n", listing.kind);
    kind = listing.kind;
    fmt::print(out, "  {:<12} {}\n", listing.name, listing.help);
  }
  fmt::print(out, "\n`spillway components NAME` shows the options of one.\n");
}

std::string capitalised(std::string_view word) {
  std::string text(word);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
  return text;
}

/// Fit for a cell of a table.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string code(std::string_view text) {
  return text.empty() ? std::string{} : fmt::format("`{}`", cell(text));
}

void print_table(std::span<const OptionSpec> options, std::FILE* out) {
  fmt::print(out, "| option | type | default | limits | meaning |\n|---|---|---|---|---|\n");
  for (const OptionSpec& spec : options) {
    const std::string value = spec.is_required ? "required" : code(default_of(spec));
    fmt::print(out, "| {} | {} | {} | {} | {} |\n", code(spec.name), type_word(spec.type), value,
               cell(limits_of(spec)), cell(meaning_of(spec)));
  }
  fmt::print(out, "\n");
}

void print_markdown(const std::vector<Listing>& listings, std::FILE* out) {
  std::string_view kind;
  for (const Listing& listing : listings) {
    if (listing.kind != kind && !listing.runner.empty()) {
      fmt::print(out, "## Every {}\n\n", holder_of(listing.kind));
      print_table(listing.runner, out);
    }
    kind = listing.kind;
    fmt::print(out, "## {} `{}`\n\n{}", capitalised(listing.kind), listing.name, listing.help);
    if (!listing.java_class.empty()) fmt::print(out, " Flume's class: `{}`.", listing.java_class);
    fmt::print(out, "\n\n");
    if (listing.options.empty()) {
      fmt::print(out, "No options of its own.\n\n");
    } else {
      print_table(listing.options, out);
    }
  }
}

Json to_json(std::span<const OptionSpec> options) {
  Json rows = Json::array();
  for (const OptionSpec& spec : options) {
    Json row{{"name", spec.name},
             {"type", type_word(spec.type)},
             {"help", spec.help},
             {"required", spec.is_required}};
    if (!spec.is_required) row["default"] = spec.default_value;
    if (spec.min > 0) row["min"] = spec.min;
    if (spec.max < UINT64_MAX) row["max"] = spec.max;
    if (!spec.choices.empty()) row["choices"] = split_choices(spec.choices);
    if (!spec.notice.empty()) row["notice"] = spec.notice;
    rows.push_back(std::move(row));
  }
  return rows;
}

void print_json(const std::vector<Listing>& listings, std::FILE* out) {
  Json components = Json::array();
  for (const Listing& listing : listings) {
    components.push_back({{"kind", listing.kind},
                          {"name", listing.name},
                          {"java_class", listing.java_class},
                          {"help", listing.help},
                          {"options", to_json(listing.options)},
                          {"runner_options", to_json(listing.runner)}});
  }
  fmt::print(out, "{}\n", components.dump(2));
}

int refuse_name(const std::string& name, const std::vector<Listing>& listings) {
  std::vector<std::string_view> names;
  for (const Listing& listing : listings) names.push_back(listing.name);
  fmt::print(stderr, "there is no component {}{}\n", in_quotes(name),
             did_you_mean(nearest(name, names)));
  return kExitBadUsage;
}

}  // namespace

int list_components(const std::string& name, ListFormat format, std::FILE* out) {
  const std::vector<Listing> all = all_listings();
  std::vector<Listing> chosen;
  const std::string lower = to_lower(name);
  std::copy_if(all.begin(), all.end(), std::back_inserter(chosen), [&](const Listing& listing) {
    return name.empty() || listing.name == lower || listing.java_class == name;
  });
  if (!name.empty() && chosen.empty()) return refuse_name(name, all);
  if (format == ListFormat::kMarkdown) {
    print_markdown(chosen, out);
  } else if (format == ListFormat::kJson) {
    print_json(chosen, out);
  } else if (name.empty()) {
    print_overview(chosen, out);
  } else {
    for (const Listing& listing : chosen) print_details(listing, out);
  }
  return kExitFine;
}

}  // namespace spillway::agent
