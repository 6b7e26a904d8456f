// Promise: every registered type can be found by both of its names, is fully described, and has
// defaults that pass their own checks.
#include "agent/registry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"
#include "agent/option_value.h"
#include "agent/runner_options.h"

namespace spillway::agent {
namespace {

struct Described {
  std::string kind;
  std::string_view name;
  std::string_view java_class;
  std::string_view help;
  std::span<const OptionSpec> options;
  std::span<const OptionSpec> runner;
};

template <class Type>
void append(const char* kind, std::span<const Type* const> types,
            std::span<const OptionSpec> runner, std::vector<Described>& all) {
  for (const Type* const type : types) {
    all.push_back({kind, type->name, type->java_class, type->help, type->options, runner});
  }
}

std::vector<Described> all_types() {
  std::vector<Described> all;
  append("source", source_types(), source_runner_options(), all);
  append("sink", sink_types(), sink_runner_options(), all);
  append("channel", channel_types(), channel_runner_options(), all);
  append("selector", selector_types(), {}, all);
  append("interceptor", interceptor_types(), interceptor_runner_options(), all);
  append("sink processor", sink_processor_types(), {}, all);
  return all;
}

bool is_sentence(std::string_view text) {
  return text.size() > 3 && text.ends_with('.') && text.find('\n') == std::string_view::npos;
}

template <class Type>
void expect_sorted(std::span<const Type* const> types) {
  for (std::size_t i = 1; i < types.size(); ++i) {
    EXPECT_LT(types[i - 1]->name, types[i]->name);
  }
}

TEST(RegistryTest, EveryKindIsSortedByUniqueName) {
  expect_sorted(source_types());
  expect_sorted(sink_types());
  expect_sorted(channel_types());
  expect_sorted(selector_types());
  expect_sorted(interceptor_types());
  expect_sorted(sink_processor_types());
  EXPECT_FALSE(source_types().empty());
  EXPECT_FALSE(sink_types().empty());
  EXPECT_FALSE(channel_types().empty());
}

TEST(RegistryTest, TypesAreFoundByAliasInAnyCaseAndByClass) {
  for (const SourceType* const type : source_types()) {
    EXPECT_EQ(find_source(type->name), type);
    EXPECT_EQ(find_source(type->java_class), type);
  }
  for (const SinkType* const type : sink_types()) {
    EXPECT_EQ(find_sink(type->name), type);
    EXPECT_EQ(find_sink(type->java_class), type);
  }
  for (const ChannelType* const type : channel_types()) {
    EXPECT_EQ(find_channel(type->name), type);
    if (type->java_class.empty()) continue;  // ours alone
    EXPECT_EQ(find_channel(type->java_class), type);
  }
  EXPECT_EQ(find_channel("MEMORY"), &kMemoryChannelType);
  EXPECT_EQ(find_channel("org.apache.flume.channel.MemoryChannel"), &kMemoryChannelType);
  EXPECT_EQ(find_channel("ORG.apache.flume.channel.MemoryChannel"), nullptr);
  EXPECT_EQ(find_channel(""), nullptr);
  EXPECT_EQ(find_sink("memory"), nullptr);
}

TEST(RegistryTest, PartsWithoutASectionAreFoundByBothNamesToo) {
  for (const SelectorType* const type : selector_types()) {
    EXPECT_EQ(find_selector(type->name), type);
    EXPECT_EQ(find_selector(type->java_class), type);
    for (const std::string_view option : type->channel_options) {
      EXPECT_NE(find_option(type->options, option), nullptr) << option;
    }
  }
  for (const SinkProcessorType* const type : sink_processor_types()) {
    EXPECT_EQ(find_sink_processor(type->name), type);
    EXPECT_EQ(find_sink_processor(type->java_class), type);
  }
  for (const InterceptorType* const type : interceptor_types()) {
    EXPECT_EQ(find_interceptor(type->name), type);
    if (type->java_class.empty()) continue;  // ours alone
    EXPECT_EQ(find_interceptor(type->java_class), type);
    constexpr std::string_view kBuilder = "$Builder";
    ASSERT_TRUE(type->java_class.ends_with(kBuilder));
    EXPECT_EQ(
        find_interceptor(type->java_class.substr(0, type->java_class.size() - kBuilder.size())),
        type);
  }
  EXPECT_EQ(find_selector("REPLICATING"), &kReplicatingSelector);
  EXPECT_EQ(find_interceptor("Timestamp"), &kTimestampInterceptor);
  EXPECT_EQ(find_sink_processor("Load_Balance"), &kLoadBalanceProcessor);
  EXPECT_EQ(find_interceptor("$Builder"), nullptr);
}

TEST(RegistryTest, EveryTypeAndOptionIsDescribed) {
  for (const Described& type : all_types()) {
    SCOPED_TRACE(type.kind + " " + std::string(type.name));
    EXPECT_EQ(type.name, to_lower(type.name));
    EXPECT_TRUE(type.java_class.empty() || type.java_class.starts_with("org.apache.flume."))
        << type.java_class;
    EXPECT_TRUE(is_sentence(type.help)) << type.help;
    std::set<std::string_view> names;
    for (const OptionSpec& spec : type.options) {
      SCOPED_TRACE(spec.name);
      EXPECT_TRUE(is_sentence(spec.help)) << spec.help;
      EXPECT_TRUE(names.insert(spec.name).second) << "described twice";
      EXPECT_EQ(find_option(type.runner, spec.name), nullptr) << "belongs to the runner";
      EXPECT_EQ(spec.type == OptionType::kEnum, !spec.choices.empty());
      EXPECT_LE(spec.min, spec.max);
    }
  }
}

// An empty default means that the component asks is_given() first.
TEST(RegistryTest, EveryDefaultPassesItsOwnCheck) {
  for (const Described& type : all_types()) {
    for (const OptionSpec& spec : type.options) {
      if (spec.is_required || spec.default_value.empty()) continue;
      EXPECT_FALSE(refuse_value(spec, spec.default_value).has_value())
          << type.name << " " << spec.name << ": "
          << refuse_value(spec, spec.default_value).value_or("");
    }
  }
}

TEST(RegistryTest, BooleansAndChoicesAlwaysHaveADefault) {
  for (const Described& type : all_types()) {
    for (const OptionSpec& spec : type.options) {
      const bool needs_default = spec.type == OptionType::kBool || spec.type == OptionType::kEnum;
      const bool is_wildcard = spec.name.ends_with(".*");  // many keys, each with or without
      if (!needs_default || spec.is_required || is_wildcard) continue;
      EXPECT_FALSE(spec.default_value.empty()) << type.name << " " << spec.name;
    }
  }
}

}  // namespace
}  // namespace spillway::agent
