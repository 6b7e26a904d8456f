// Config filters of one configuration: values that are kept outside of the files.
//
// `<agent>.configfilters = f`, `<agent>.configfilters.f.type = env`; then `${f['key']}`. Types: env
// reads the environment, external runs `command` with the key as its last argument and takes the
// first line it prints. Flume: EnvironmentVariableConfigFilter, ExternalProcessConfigFilter.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config_text.h"
#include "agent/interpolation.h"
#include "agent/variables.h"

namespace spillway::agent {

class ConfigFilters {
 public:
  /// `<agent>.configfilters` or one below it.
  static bool is_key_of_one(std::string_view key);

  /// Takes the keys of all filters out of `text`; wrong ones become problems. `sources` outlives
  /// the filters.
  ConfigFilters(ConfigText& text, const VariableSources& sources);

  /// `name` is what stands between `${` and `}`; kForeign when it is not of a filter's form. Each
  /// value is asked for once.
  Meaning look_up(std::string_view agent, const std::string& name);

 private:
  struct Filter {
    enum class Type { kEnvironment, kExternal, kWrong };
    Type type = Type::kWrong;
    std::vector<std::string> command = {};
    bool is_latin = false;  // what `command` prints
    ConfigOrigin origin = {};
  };
  using Options = std::map<std::string, Property, std::less<>>;

  void add(const std::string& agent, const Property& list, const Options& options);
  Filter read(const std::string& prefix, const Property& list, const Options& options);
  Meaning ask(const Filter& filter, const std::string& name, const std::string& key) const;

  const VariableSources& sources_;
  std::vector<ConfigProblem>& problems_;
  std::map<std::string, std::map<std::string, Filter, std::less<>>, std::less<>> by_agent_;
  std::map<std::string, Meaning, std::less<>> known_;  // by agent, filter and key
};

}  // namespace spillway::agent
