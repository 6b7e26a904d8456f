// Names a thread for `top -H`, `ps -L` and debuggers.
#pragma once

#include <pthread.h>

#include <string>

namespace spillway::agent {

/// The kernel keeps 15 bytes of "<prefix>-<name>"; the component's name is cut, never refused.
inline void name_this_thread(const char* prefix, const std::string& name) {
  const std::string full = std::string(prefix) + "-" + name;
  pthread_setname_np(pthread_self(), full.substr(0, 15).c_str());
}

}  // namespace spillway::agent
