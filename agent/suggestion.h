// "Did you mean …?": the known word nearest to a mistyped one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace spillway::agent {

/// Insertions, deletions, replacements and swaps of neighbours, in any case of ASCII letters.
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate nearest to `word`, the first one of several; empty when none is near enough to be
/// what was meant (more than a third of the letters differ).
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// `; did you mean "x"?`, or nothing when `candidate` is empty.
std::string did_you_mean(std::string_view candidate);

}  // namespace spillway::agent
