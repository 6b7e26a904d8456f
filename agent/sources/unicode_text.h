// The three Unicode encodings of JSON texts, to UTF-8 and back, as Java's charsets do it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spillway::agent {

enum class UnicodeForm : std::uint8_t { kUtf8, kUtf16, kUtf32 };

/// `name` is in lower case; empty is UTF-8.
std::optional<UnicodeForm> unicode_form_named(std::string_view name);

/// A byte order mark decides, else big endian. nullopt for a cut or lone half of a character; UTF-8
/// comes back as it is.
std::optional<std::string> to_utf8(std::string_view bytes, UnicodeForm form);

/// Java writes UTF-16 with a mark and both forms big endian. `text` is valid UTF-8.
std::string from_utf8(std::string_view text, UnicodeForm form);

}  // namespace spillway::agent
