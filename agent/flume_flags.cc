#include "agent/flume_flags.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "agent/option_value.h"
#include "agent/properties.h"
#include "agent/web_address.h"

namespace spillway::agent {
namespace {

struct Flag {
  std::string_view shorter;  // Flume's, with one dash
  std::string_view name;     // with two
  bool has_value = true;
  std::string_view no_effect = {};  // why it is not handed on
};

constexpr std::string_view kNoJava = "Java classes cannot be loaded";

constexpr std::array kFlags{
    Flag{"n", "name"},
    Flag{"f", "conf-file"},
    Flag{"u", "conf-uri"},
    Flag{"i", "poll-interval"},
    Flag{"z", "zkConnString"},
    Flag{"p", "zkBasePath"},
    Flag{"", "no-reload-conf", false},
    Flag{"a", "auth-provider", true, kNoJava},
    Flag{"prov", "conf-provider", true, kNoJava},
    Flag{"user", "conf-user"},
    Flag{"pwd", "conf-password"},
    Flag{"b", "backup-directory"},
};

constexpr std::array<std::string_view, 3> kJvmFlags{"-agentlib:", "-agentpath:", "-javaagent:"};

/// The value in `--name=value`, `-nvalue`, or of the next argument; sets `used` to how many
/// arguments that are. nullopt: `at` is not this flag.
std::optional<std::string> value_of(const Flag& flag, const std::vector<std::string>& arguments,
                                    std::size_t at, std::size_t& used) {
  const std::string_view word = arguments[at];
  const std::string with_dash = fmt::format("-{}", flag.shorter);
  const std::string with_two = fmt::format("--{}", flag.name);
  used = 1;
  if (word == with_two || (!flag.shorter.empty() && word == with_dash)) {
    if (!flag.has_value) return "";
    used = 2;
    return at + 1 < arguments.size() ? arguments[at + 1] : "";
  }
  if (word.starts_with(with_two + "=")) return std::string(word.substr(with_two.size() + 1));
  // Several letters are never joined to their value: -p/flume is a path, not -prov.
  if (flag.shorter.size() == 1 && word.starts_with(with_dash) && !word.starts_with("--")) {
    const bool is_longer = std::any_of(kFlags.begin(), kFlags.end(), [word](const Flag& other) {
      return other.shorter.size() > 1 && word == fmt::format("-{}", other.shorter);
    });
    if (!is_longer) return std::string(word.substr(with_dash.size()));
  }
  return std::nullopt;
}

class Reader {
 public:
  Reader(const std::vector<std::string>& arguments, const std::string& opts_file)
      : arguments_(arguments), opts_file_(opts_file) {}

  FlumeFlags read() {
    flags_.arguments.push_back("agent");
    for (std::size_t at = 1; at < arguments_.size();) at += take(at);
    read_opts();
    for (const std::string& uri : uris_) add_uri(uri);
    if (!is_web_used_ && !(user_ + password_).empty()) {
      flags_.notices.push_back(
          "--conf-user and --conf-password have no effect: no http: or https: URI is given");
    }
    // As the guide says: URIs come before files.
    for (const std::string& file : files_) add("conf-file", file);
    return std::move(flags_);
  }

 private:
  void add(std::string_view name, const std::string& value) {
    flags_.arguments.push_back(fmt::format("--{}", name));
    flags_.arguments.push_back(value);
  }

  void ignore(const Flag& flag) {
    flags_.notices.push_back(fmt::format("--{} has no effect: {}", flag.name, flag.no_effect));
  }

  /// Returns how many arguments it has used.
  std::size_t take(std::size_t at) {
    const std::string& word = arguments_[at];
    for (const std::string_view jvm : kJvmFlags) {
      if (!word.starts_with(jvm)) continue;
      flags_.notices.push_back(fmt::format("{} has no effect", word));
      return 1;
    }
    if (word == "-c" || word == "--conf") {
      if (at + 1 < arguments_.size()) conf_dir_ = arguments_[at + 1];
    } else if (word.starts_with("--conf=")) {
      conf_dir_ = word.substr(word.find('=') + 1);
    }
    for (const Flag& flag : kFlags) {
      std::size_t used = 1;
      const auto value = value_of(flag, arguments_, at, used);
      if (!value || at + used > arguments_.size()) continue;
      given_.push_back(flag.name);
      accept(flag, *value);
      return used;
    }
    flags_.arguments.push_back(word);
    return 1;
  }

  void accept(const Flag& flag, const std::string& value) {
    if (!flag.no_effect.empty()) {
      ignore(flag);
    } else if (flag.name == "conf-uri") {
      uris_.push_back(value);
    } else if (flag.name == "conf-file") {
      files_.push_back(value);
    } else if (flag.name == "conf-user") {
      user_ = value;
    } else if (flag.name == "conf-password") {
      password_ = value;
    } else if (flag.has_value) {
      add(flag.name, value);
    } else {
      flags_.arguments.push_back(fmt::format("--{}", flag.name));
    }
  }

  /// Keys are names of flags; one that the command line has is left alone.
  void read_opts() {
    std::string path = opts_file_;
    if (::access(path.c_str(), R_OK) != 0) {
      if (conf_dir_.empty()) return;
      path = conf_dir_ + "/flume.opts";
      if (::access(path.c_str(), R_OK) != 0) return;
    }
    flags_.notices.push_back(fmt::format("flags are taken from {}, too", path));
    std::vector<ConfigProblem> problems;
    for (const Property& property : read_properties_file(path, problems)) add_opt(path, property);
    for (const ConfigProblem& problem : problems) flags_.problems.push_back(to_string(problem));
  }

  void add_opt(const std::string& path, const Property& property) {
    const auto flag = std::find_if(kFlags.begin(), kFlags.end(), [&property](const Flag& known) {
      return property.key == known.name || property.key == known.shorter;
    });
    if (flag == kFlags.end()) {
      flags_.problems.push_back(
          fmt::format("{}:{}: {}: no such flag", path, property.origin.line, property.key));
      return;
    }
    if (std::find(given_.begin(), given_.end(), flag->name) != given_.end()) return;
    const std::vector<std::string> words = split_words(property.value);
    // Commons CLI's words for a flag without a value.
    const std::string word = words.empty() ? "" : to_lower(words.front());
    if (!flag->has_value && word != "true" && word != "yes" && word != "1") return;
    accept(*flag, words.empty() ? "" : words.front());
  }

  void add_uri(const std::string& uri) {
    const std::size_t colon = uri.find(':');
    const std::string scheme = colon == std::string::npos ? "" : to_lower(uri.substr(0, colon));
    std::string rest = colon == std::string::npos ? uri : uri.substr(colon + 1);
    if (is_web_address(uri)) {
      is_web_used_ = true;
      return add("conf-file", with_credentials(uri, user_, password_));
    }
    if (!scheme.empty() && scheme != "file" && scheme != "classpath") {
      flags_.problems.push_back(
          fmt::format("--conf-uri {}: only http:, https:, file: and classpath: are known", uri));
      return;
    }
    if (rest.starts_with("//")) rest.erase(0, 2);
    if (scheme == "classpath") {
      rest.erase(0, std::min(rest.find_first_not_of('/'), rest.size()));
      rest = (conf_dir_.empty() ? "" : conf_dir_ + "/") + rest;
    }
    add("conf-file", rest);
  }

  const std::vector<std::string>& arguments_;
  const std::string& opts_file_;
  FlumeFlags flags_;
  std::string conf_dir_;
  std::vector<std::string_view> given_;
  std::vector<std::string> uris_;
  std::string user_;
  std::string password_;
  bool is_web_used_ = false;
  std::vector<std::string> files_;
};

}  // namespace

FlumeFlags read_flume_flags(const std::vector<std::string>& arguments,
                            const std::string& opts_file) {
  const bool is_agent =
      !arguments.empty() && (arguments.front() == "agent" || arguments.front() == "node");
  if (!is_agent) return {.arguments = arguments, .notices = {}, .problems = {}};
  return Reader(arguments, opts_file).read();
}

}  // namespace spillway::agent
