// The options every component of a kind has, whatever its type: links, selector, interceptors,
// back-off. What `selector.`, `interceptors.` and `processor.` begin belongs to the chosen types.
//
// The runtime reads them from SourceConfig::runner and SinkConfig::runner; a type's own rows never
// repeat them.
#pragma once

#include <span>

#include "agent/component.h"

namespace spillway::agent {

std::span<const OptionSpec> channel_runner_options();
std::span<const OptionSpec> source_runner_options();
std::span<const OptionSpec> sink_runner_options();
std::span<const OptionSpec> sink_group_options();
std::span<const OptionSpec> interceptor_runner_options();

}  // namespace spillway::agent
