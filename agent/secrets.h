// Secrets: which values of a configuration must not appear in a message, and keeping them out.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"

namespace spillway::agent {

/// Does an option of this name hold a password, a token or the like? Paths of files that hold one
/// are no secret.
bool is_secret_key(std::string_view key);

/// What must not be shown when `value` is secret: it, and its words.
void add_secret(std::string_view value, std::vector<std::string>& secrets);

/// `text` with every secret replaced by three stars; short ones only where they stand alone.
std::string without_secrets(std::string text, const std::vector<std::string>& secrets);

/// The same for reasons.
void hide_secrets(const std::vector<std::string>& secrets, std::vector<ConfigProblem>& problems);

}  // namespace spillway::agent
