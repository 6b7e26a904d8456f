// Flume's global TLS setup: stores and lists for components that switch TLS on and name none.
#pragma once

#include "agent/config_text.h"

namespace spillway::agent {

/// Adds the keys that -Djavax.net.ssl.…, -Dflume.ssl.… or FLUME_SSL_… in the environment give, to
/// each component with `ssl = true` that has none of its own; their place is that of `ssl`.
void add_tls_defaults(ConfigText& text, const VariableSources& sources);

/// Is `name` one of those system properties?
bool is_tls_property(std::string_view name);

}  // namespace spillway::agent
