// `spillway components`: what this binary can run, with every option; made from the registry.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

namespace spillway::agent {

enum class ListFormat : std::uint8_t { kText, kMarkdown, kJson };

/// All components, or those called `name` (an alias in any case, or a class name). Returns the exit
/// code: 2 when there is none of that name. kMarkdown is what docs/components.md holds between its
/// two "generated" comments.
int list_components(const std::string& name, ListFormat format, std::FILE* out);

}  // namespace spillway::agent
