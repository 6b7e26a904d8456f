// The status port's page for people: components, channel sizes, links.
#pragma once

#include <string>

#include "agent/metrics_registry.h"

namespace spillway::agent {

/// A complete HTML document without scripts and without references to other hosts.
std::string status_page(const MetricsRegistry& registry);

/// One line per component that is not started or has failed; empty when all work.
std::string unready_components(const MetricsRegistry& registry);

}  // namespace spillway::agent
