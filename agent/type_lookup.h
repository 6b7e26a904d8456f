// From the value of a `type` key to the component type, or to the reason why there is none.
#pragma once

#include <string>
#include <string_view>

#include "agent/config_tree.h"
#include "agent/registry.h"

namespace spillway::agent {

template <class Type>
const Type* find_type(std::string_view type);

template <>
inline const ChannelType* find_type<ChannelType>(std::string_view type) {
  return find_channel(type);
}
template <>
inline const SourceType* find_type<SourceType>(std::string_view type) {
  return find_source(type);
}
template <>
inline const SinkType* find_type<SinkType>(std::string_view type) {
  return find_sink(type);
}

/// Why `type`, which the registry does not have, is refused: mistyped, one of Flume's that this
/// build lacks, a foreign Java class, or nothing known.
std::string refuse_type(ConfigSection section, std::string_view type);

/// The same for the parts that have no section of their own.
std::string refuse_selector(std::string_view type);
std::string refuse_interceptor(std::string_view type);
std::string refuse_sink_processor(std::string_view type);

}  // namespace spillway::agent
