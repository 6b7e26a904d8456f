// Interpolation: `${…}` in a text, replaced by what a lookup says.
//
// Knows the syntax and the limits, not what a name means. `$${` stands for `${`; `${name:-text}`
// has a default; names may contain `${…}` themselves. Source: the substitutor of Apache Commons
// Text, as Flume 1.10 uses it, without its second look at what was put in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace spillway::agent {

/// What a lookup says about a name.
struct Meaning {
  enum class Kind : std::uint8_t {
    kText,     // `text` is its value
    kNone,     // the default counts; without one `text` is why there is no value
    kForeign,  // not a variable: left as it was written
    kUnknown,  // has a value that must not be looked at now
    kRefused,  // `text` is the reason; a default does not help
  };
  Kind kind = Kind::kNone;
  std::string text = {};
  bool is_secret = false;
};

struct Interpolated {
  std::string text;
  std::string refusal;  // why there is no text; empty when there is one
  bool is_changed = false;
  bool is_secret = false;   // some part of it is
  bool is_unknown = false;  // some part of it is; there is no text then
};

struct InterpolationLimits {
  std::size_t depth_max = 16;  // of `${…}` inside of `${…}`
  std::size_t text_bytes_max = 1U << 20U;
};

/// `lookup` is called with names whose own variables have been replaced.
Interpolated interpolate(std::string_view text,
                         const std::function<Meaning(const std::string& name)>& lookup,
                         const InterpolationLimits& limits = {});

}  // namespace spillway::agent
