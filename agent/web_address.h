// Configuration on a web server: an `http:` or `https:` address in place of a file's path.
//
// A user and a password may stand in front of the host (`https://user:word@host/a.conf`); no
// message shows them. Source: Flume 1.11, HttpConfigurationSource.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace spillway::agent {

bool is_web_address(std::string_view path);

/// As messages show it: without user and password. A file's path is unchanged.
std::string shown_address(std::string_view address);

/// With user and password in front of the host, unless it has some.
std::string with_credentials(const std::string& address, std::string_view user,
                             std::string_view password);

/// What no message may show, as it stands in the address and as it is meant.
std::vector<std::string> secrets_of_address(std::string_view address);

/// Gets `text`, at most `bytes_max`, within ten seconds, following five redirections; certificates
/// are checked against the system's. Returns why there is none.
std::optional<std::string> fetch_address(const std::string& address, std::size_t bytes_max,
                                         std::string& text);

}  // namespace spillway::agent
