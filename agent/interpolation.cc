#include "agent/interpolation.h"

#include <fmt/format.h>

#include <optional>
#include <utility>

#include "agent/option_value.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kOpen = "${";
constexpr std::string_view kDefault = ":-";

class Interpolator {
 public:
  Interpolator(const std::function<Meaning(const std::string&)>& lookup,
               const InterpolationLimits& limits)
      : lookup_(lookup), limits_(limits) {}

  Interpolated run(std::string_view text) {
    std::optional<std::string> done = expand(text, 0);
    if (done && !result_.is_unknown) result_.text = std::move(*done);
    return std::move(result_);
  }

 private:
  /// nullopt: refused, result_ says why.
  std::optional<std::string> expand(std::string_view text, std::size_t depth) {
    if (depth > limits_.depth_max) {
      return refuse(
          fmt::format("has ${{…}} inside of each other more than {} times", limits_.depth_max));
    }
    std::string out;
    while (true) {
      const std::size_t at = text.find(kOpen);
      out += text.substr(0, at);
      if (at == std::string_view::npos) break;
      const bool is_escaped = at > 0 && text[at - 1] == '$';
      text.remove_prefix(at);
      if (is_escaped) {  // the `$` before stands for this one
        out += '{';
        text.remove_prefix(kOpen.size());
        result_.is_changed = true;
        continue;
      }
      const std::optional<std::size_t> length = length_of_variable(text);
      if (!length) {  // never closed: no variable
        out += text;
        break;
      }
      const std::string_view whole = text.substr(0, *length);
      std::optional<std::string> value = replace(whole, depth);
      if (!value) return std::nullopt;
      out += *value;
      text.remove_prefix(*length);
      if (out.size() > limits_.text_bytes_max) {
        return refuse(fmt::format("becomes longer than {} bytes", limits_.text_bytes_max));
      }
    }
    return out;
  }

  /// From `${` to the `}` that belongs to it.
  static std::optional<std::size_t> length_of_variable(std::string_view text) {
    std::size_t open = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text.substr(i).starts_with(kOpen)) {
        ++open;
        ++i;
      } else if (text[i] == '}') {
        if (--open == 0) return i + 1;
      }
    }
    return std::nullopt;
  }

  /// `whole` is `${…}`.
  std::optional<std::string> replace(std::string_view whole, std::size_t depth) {
    const std::string_view inner = whole.substr(kOpen.size(), whole.size() - kOpen.size() - 1);
    const std::size_t split = default_of(inner);
    const std::optional<std::string> name = expand(inner.substr(0, split), depth + 1);
    if (!name) return std::nullopt;
    Meaning meaning = lookup_(*name);
    switch (meaning.kind) {
      case Meaning::Kind::kText:
        result_.is_changed = true;
        result_.is_secret = result_.is_secret || meaning.is_secret;
        return std::move(meaning.text);
      case Meaning::Kind::kForeign:
        if (split == std::string_view::npos) return std::string(whole);
        break;
      case Meaning::Kind::kUnknown:
        result_.is_unknown = true;
        return std::string();
      case Meaning::Kind::kRefused:
        return refuse(std::move(meaning.text));
      case Meaning::Kind::kNone:
        if (split == std::string_view::npos) return refuse(std::move(meaning.text));
        break;
    }
    result_.is_changed = true;
    return expand(inner.substr(split + kDefault.size()), depth + 1);
  }

  /// Where `:-` stands outside of inner variables; npos when it does not.
  static std::size_t default_of(std::string_view inner) {
    std::size_t open = 0;
    for (std::size_t i = 0; i < inner.size(); ++i) {
      const std::string_view rest = inner.substr(i);
      if (rest.starts_with(kOpen)) ++open;
      if (rest.front() == '}' && open > 0) --open;
      if (open == 0 && rest.starts_with(kDefault)) return i;
    }
    return std::string_view::npos;
  }

  std::optional<std::string> refuse(std::string reason) {
    result_.refusal = std::move(reason);
    return std::nullopt;
  }

  const std::function<Meaning(const std::string&)>& lookup_;
  const InterpolationLimits& limits_;
  Interpolated result_;
};

}  // namespace

Interpolated interpolate(std::string_view text,
                         const std::function<Meaning(const std::string& name)>& lookup,
                         const InterpolationLimits& limits) {
  return Interpolator(lookup, limits).run(text);
}

}  // namespace spillway::agent
