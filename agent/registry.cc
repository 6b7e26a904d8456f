#include "agent/registry.h"

#include <array>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

// Sorted by name; tests/agent/registry_test.cc checks it.
constexpr std::array<const SourceType*, 5> kSources{&kExecSource, &kNetcatSource, &kSeqSource,
                                                    &kSpooldirSource, &kTaildirSource};

constexpr std::array<const SinkType*, 4> kSinks{&kFileRollSink, &kHttpSink, &kLoggerSink,
                                                &kNullSink};

constexpr std::array<const ChannelType*, 6> kChannels{&kDualChannelType,
                                                      &kFileChannelType,
                                                      &kMemoryChannelType,
                                                      &kNullChannelType,
                                                      &kPseudoTxnMemoryChannelType,
                                                      &kSpillableMemoryChannelType};

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

const SourceType* find_source(std::string_view type) {
  return find_type(source_types(), type);
}
const SinkType* find_sink(std::string_view type) {
  return find_type(sink_types(), type);
}
const ChannelType* find_channel(std::string_view type) {
  return find_type(channel_types(), type);
}

}  // namespace spillway::agent
