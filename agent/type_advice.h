// What to use instead of a component of Flume that this build does not have.
#pragma once

#include <string_view>

namespace spillway::agent {

/// A half sentence for a component of Flume 1.9 to 1.11, by alias in any case or by class name;
/// `kind` is "source", "sink", "channel", "interceptor" … Empty when there is nothing to say.
std::string_view advice_instead_of(std::string_view kind, std::string_view type);

}  // namespace spillway::agent
