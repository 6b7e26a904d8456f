// as_markup(): foreign text in HTML, SVG and XML.
#pragma once

#include <string>
#include <string_view>

namespace spillway::agent {

/// `text` for an element or an attribute in double quotes. XML has no control characters: spaces
/// stand for them. Bytes that are not UTF-8 become U+FFFD, or no browser would draw the rest.
std::string as_markup(std::string_view text);

}  // namespace spillway::agent
