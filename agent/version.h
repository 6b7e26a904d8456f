// The version of this program, as meson.build states it.
#pragma once

#include <string_view>

namespace spillway::agent {

std::string_view version();

}  // namespace spillway::agent
