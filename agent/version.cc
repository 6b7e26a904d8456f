#include "agent/version.h"

namespace spillway::agent {

std::string_view version() {
  return SPILLWAY_VERSION;
}

}  // namespace spillway::agent
