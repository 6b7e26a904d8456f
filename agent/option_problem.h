// OptionProblem: what is wrong with the values of a component beyond the type of each.
#pragma once

#include <string>

namespace spillway::agent {

struct OptionProblem {
  std::string option;  // one that the component has, given or not
  std::string reason;
};

}  // namespace spillway::agent
