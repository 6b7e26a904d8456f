#include "agent/registry.h"

#include <array>
#include <string>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

// Sorted by name; tests/agent/registry_test.cc checks it.
constexpr std::array<const SourceType*, 11> kSources{
    &kExecSource,      &kHttpSource,      &kMultiportSyslogTcpSource,
    &kNetcatSource,    &kNetcatUdpSource, &kSeqSource,
    &kSpooldirSource,  &kStressSource,    &kSyslogTcpSource,
    &kSyslogUdpSource, &kTaildirSource};

constexpr std::array<const SinkType*, 4> kSinks{&kFileRollSink, &kHttpSink, &kLoggerSink,
                                                &kNullSink};

constexpr std::array<const ChannelType*, 6> kChannels{&kDualChannelType,
                                                      &kFileChannelType,
                                                      &kMemoryChannelType,
                                                      &kNullChannelType,
                                                      &kPseudoTxnMemoryChannelType,
                                                      &kSpillableMemoryChannelType};

constexpr std::array<const SelectorType*, 3> kSelectors{
    &kLoadBalancingSelector, &kMultiplexingSelector, &kReplicatingSelector};

constexpr std::array<const InterceptorType*, 9> kInterceptors{
    &kCategoryFilterInterceptor, &kHostInterceptor,         &kRegexExtractorInterceptor,
    &kRegexFilterInterceptor,    &kRemoveHeaderInterceptor, &kSearchReplaceInterceptor,
    &kStaticInterceptor,         &kTimestampInterceptor,    &kUuidInterceptor};

constexpr std::array<const SinkProcessorType*, 3> kSinkProcessors{
    &kDefaultProcessor, &kFailoverProcessor, &kLoadBalanceProcessor};

template <class Type>
const Type* find_type(std::span<const Type* const> types, std::string_view name) {
  const std::string lower = to_lower(name);
  for (const Type* const type : types) {
    if (type->name == lower) return type;
    if (!type->java_class.empty() && type->java_class == name) return type;
  }
  return nullptr;
}

}  // namespace

std::span<const SourceType* const> source_types() {
  return kSources;
}
std::span<const SinkType* const> sink_types() {
  return kSinks;
}
std::span<const ChannelType* const> channel_types() {
  return kChannels;
}

std::span<const SelectorType* const> selector_types() {
  return kSelectors;
}
std::span<const InterceptorType* const> interceptor_types() {
  return kInterceptors;
}
std::span<const SinkProcessorType* const> sink_processor_types() {
  return kSinkProcessors;
}

const SourceType* find_source(std::string_view type) {
  return find_type(source_types(), type);
}
const SinkType* find_sink(std::string_view type) {
  return find_type(sink_types(), type);
}
const ChannelType* find_channel(std::string_view type) {
  return find_type(channel_types(), type);
}
const SelectorType* find_selector(std::string_view type) {
  return find_type(selector_types(), type);
}
const InterceptorType* find_interceptor(std::string_view type) {
  if (const InterceptorType* const found = find_type(interceptor_types(), type)) return found;
  // Flume names the builder; the class itself is what people remember.
  return find_type(interceptor_types(), std::string(type) + "$Builder");
}
const SinkProcessorType* find_sink_processor(std::string_view type) {
  return find_type(sink_processor_types(), type);
}

}  // namespace spillway::agent
