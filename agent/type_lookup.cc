#include "agent/type_lookup.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

#include "agent/option_value.h"
#include "agent/suggestion.h"
#include "agent/type_advice.h"

namespace spillway::agent {
namespace {

// What Flume 1.9 to 1.11 has, so that a type this build lacks is told apart from a typing error.
constexpr std::string_view kJavaPrefix = "org.apache.flume.";

constexpr std::array<std::string_view, 13> kSources{
    "avro",      "exec",      "http",  "jms",      "multiport_syslogtcp",
    "netcat",    "netcatudp", "seq",   "spooldir", "syslogtcp",
    "syslogudp", "taildir",   "thrift"};
constexpr std::array<std::string_view, 14> kSinks{
    "asynchbase", "avro", "elasticsearch", "file_roll", "hbase",          "hbase2", "hdfs",
    "hive",       "http", "irc",           "logger",    "morphline_solr", "null",   "thrift"};
constexpr std::array<std::string_view, 4> kChannels{"file", "jdbc", "memory", "spillablememory"};

bool contains(std::span<const std::string_view> aliases, std::string_view alias) {
  return std::find(aliases.begin(), aliases.end(), alias) != aliases.end();
}

bool is_flume_type(ConfigSection section, std::string_view type) {
  // Every class in Flume's packages is taken for one of Flume's: a list would be out of date.
  if (type.starts_with(kJavaPrefix)) return true;
  const std::string alias = to_lower(type);
  switch (section) {
    case ConfigSection::kChannels:
      return contains(kChannels, alias);
    case ConfigSection::kSources:
      return contains(kSources, alias);
    case ConfigSection::kSinks:
      return contains(kSinks, alias);
    case ConfigSection::kSinkGroups:
      return false;
  }
  return false;
}

struct KnownTypes {
  std::vector<std::string_view> names;
  std::vector<std::string_view> java_classes;
};

template <class Type>
KnownTypes known_of(std::span<const Type* const> types) {
  KnownTypes known;
  for (const Type* const type : types) {
    known.names.push_back(type->name);
    if (!type->java_class.empty()) known.java_classes.push_back(type->java_class);
  }
  return known;
}

KnownTypes known_types(ConfigSection section) {
  switch (section) {
    case ConfigSection::kChannels:
      return known_of(channel_types());
    case ConfigSection::kSources:
      return known_of(source_types());
    case ConfigSection::kSinks:
      return known_of(sink_types());
    case ConfigSection::kSinkGroups:
      return known_of(sink_processor_types());
  }
  return {};
}

// Class names are long and alike, so only a slip of the finger counts as near.
constexpr std::size_t kSlipMax = 2;

std::string_view nearest_class(std::string_view type,
                               const std::vector<std::string_view>& classes) {
  const std::string_view near = nearest(type, classes);
  return edit_distance(type, near) <= kSlipMax ? near : std::string_view{};
}

std::string refuse(std::string_view word, std::string_view type, const KnownTypes& known,
                   bool is_flume) {
  const std::string_view article = word.starts_with('i') ? "an" : "a";
  const std::string unknown = fmt::format("{} is not {} {} type", in_quotes(type), article, word);
  if (const std::string_view near = nearest_class(type, known.java_classes); !near.empty()) {
    return unknown + did_you_mean(near);
  }
  const std::string names = fmt::format("{}", fmt::join(known.names, ", "));
  if (is_flume) {
    const std::string_view advice = advice_instead_of(word, type);
    return fmt::format("{} is a Flume {} type that this build does not have; {}{}it has: {}",
                       in_quotes(type), word, advice, advice.empty() ? "" : "; ", names);
  }
  if (const std::string_view near = nearest(type, known.names); !near.empty()) {
    return unknown + did_you_mean(near);
  }
  if (type.find('.') != std::string_view::npos) {
    return unknown + " of Flume, and Java classes cannot be loaded; this build has: " + names;
  }
  return unknown + "; this build has: " + names;
}

}  // namespace

std::string refuse_type(ConfigSection section, std::string_view type) {
  return refuse(singular_of(section), type, known_types(section), is_flume_type(section, type));
}

std::string refuse_selector(std::string_view type) {
  return refuse("selector", type, known_of(selector_types()), type.starts_with(kJavaPrefix));
}

std::string refuse_interceptor(std::string_view type) {
  const bool is_flume = type.starts_with(kJavaPrefix) || to_lower(type) == "morphline";
  return refuse("interceptor", type, known_of(interceptor_types()), is_flume);
}

std::string refuse_sink_processor(std::string_view type) {
  return refuse("sink processor", type, known_of(sink_processor_types()),
                type.starts_with(kJavaPrefix));
}

}  // namespace spillway::agent
