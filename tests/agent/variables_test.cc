// Variables and config filters get the values they are documented to get, a missing one is refused
// at its line, and what is secret stays out of every message.

#include "agent/variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "agent/agent_config.h"
#include "agent/interpolation.h"
#include "agent/secrets.h"
#include "tests/support/temp_dir.h"

namespace spillway::agent {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

/// An environment, files and programs of the test's own.
VariableSources sources_of(std::map<std::string, std::string> environment,
                           std::map<std::string, std::string> files = {}) {
  VariableSources sources;
  sources.environment = [environment](const std::string& name) -> std::optional<std::string> {
    const auto at = environment.find(name);
    if (at == environment.end()) return std::nullopt;
    return at->second;
  };
  sources.read_file = [files](const std::string& path) -> Result<std::string> {
    const auto at = files.find(path);
    if (at == files.end()) return Error{.code = Errc::kNotFound, .what = "no such file"};
    return at->second;
  };
  sources.run_program = [](const std::vector<std::string>& argv) -> Result<std::string> {
    if (argv.back() == "none") return Error{.code = Errc::kNotFound, .what = "the command failed"};
    std::string out;
    for (const std::string& word : argv) out += word + "|";
    return out;
  };
  return sources;
}

ConfigText resolved(const std::string& text, const VariableSources& sources) {
  ConfigText config;
  config.files = {"f"};
  config.properties = parse_properties(text, "f", config.problems);
  resolve_variables(config, sources);
  return config;
}

std::string value_of(const ConfigText& config, const std::string& key) {
  for (const Property& property : config.properties) {
    if (property.key == key) return property.value;
  }
  return "(none)";
}

/// The value of `a1.sources.x.y` written as `text`.
std::string value(const std::string& text, const VariableSources& sources,
                  const std::string& more = "") {
  return value_of(resolved("a1.sources.x.y = " + text + "\n" + more, sources), "a1.sources.x.y");
}

std::string refusal(const std::string& text, const VariableSources& sources,
                    const std::string& more = "") {
  const ConfigText config = resolved("a1.sources.x.y = " + text + "\n" + more, sources);
  return config.problems.empty() ? "(none)" : to_string(config.problems.front());
}

TEST(VariablesTest, EnvironmentSystemPropertiesAndFilesAreFound) {
  VariableSources sources = sources_of({{"HOST", "h1"}}, {{"/run/s", "pass\n"}});
  sources.definitions = {{"dc", "eu"}};
  EXPECT_EQ(value("${env:HOST}.${sys:dc}", sources), "h1.eu");
  EXPECT_EQ(value("${file:/run/s}", sources), "pass");
  EXPECT_EQ(value("${file:UTF-8:/run/s}", sources), "pass");
  EXPECT_EQ(value("${sys:file.separator}", sources), "/");
}

TEST(VariablesTest, KeyOfAPropertiesFileIsFound) {
  const VariableSources sources = sources_of({}, {{"/etc/x", "a = 1\nb.c = two \n"}});
  EXPECT_EQ(value("${file:/etc/x:b.c}", sources), "two");
  EXPECT_EQ(value("${properties:/etc/x::a}", sources), "1");
  EXPECT_THAT(refusal("${file:/etc/x:z}", sources), HasSubstr("there is no key \"z\""));
}

TEST(VariablesTest, OtherKeysAreFoundWhereverTheyStand) {
  const VariableSources sources = sources_of({{"N", "1"}});
  EXPECT_EQ(value("${base}/x", sources, "base = ${root}/logs\nroot = /var\n"), "/var/logs/x");
  EXPECT_EQ(value("${port${env:N}}", sources, "port1 = 4141\n"), "4141");
  const ConfigText config = resolved("a1.sources.x.y = ${base}\nbase = /v\n", sources);
  EXPECT_THAT(config.properties, SizeIs(1));  // `base` belongs to no agent
}

TEST(VariablesTest, DefaultCountsWhenThereIsNoValue) {
  const VariableSources sources = sources_of({{"A", "1"}});
  EXPECT_EQ(value("${env:A:-2}${env:B:-2}${none:-${env:A}}", sources), "121");
  EXPECT_EQ(value("${env:B:-}", sources), "");
}

TEST(VariablesTest, DollarsThatAreNoVariablesStayAsTheyAre) {
  const VariableSources sources = sources_of({{"A", "$"}});
  for (const std::string text : {"$1", "$", "a$b", "${open", "100%", "}{"}) {
    EXPECT_EQ(value(text, sources), text);
  }
  EXPECT_EQ(value("$${env:A}", sources), "${env:A}");
  EXPECT_EQ(value("${env:A}${env:A}", sources), "$$");
  EXPECT_EQ(value("${group}", sources), "${group}");
  const ConfigText config = resolved("a1.sources.x.y = ${group}\n", sources);
  ASSERT_THAT(config.problems, SizeIs(1));
  EXPECT_TRUE(config.problems[0].is_notice);
}

TEST(VariablesTest, WhatComesFromOutsideIsPutInAsItIs) {
  EXPECT_EQ(value("${env:A}", sources_of({{"A", "${env:B}"}, {"B", "x"}})), "${env:B}");
}

TEST(VariablesTest, MissingValueIsRefusedAtItsLine) {
  const VariableSources sources = sources_of({});
  EXPECT_EQ(refusal("${env:NOPE}", sources),
            "f:1: a1.sources.x.y: the environment has no variable \"NOPE\"");
  EXPECT_THAT(refusal("${sys:nope}", sources), HasSubstr("-Dnope="));
  EXPECT_THAT(refusal("${file:/none}", sources), HasSubstr("cannot read \"/none\""));
  EXPECT_THAT(refusal("${java:version}", sources), HasSubstr("Java machine"));
  EXPECT_THAT(refusal("${date:yyyy}", sources), HasSubstr("path escape"));
}

TEST(VariablesTest, LoopsAndBombsAreRefused) {
  const VariableSources sources = sources_of({});
  EXPECT_THAT(refusal("${a}", sources, "a = ${b}\nb = ${a}\n"), HasSubstr("refers to"));
  EXPECT_THAT(refusal("${a1.sources.x.y}", sources), HasSubstr("refers to itself"));
  std::string bomb = "k0 = 0123456789\n";
  for (int i = 1; i < 20; ++i) {
    std::string line = "k" + std::to_string(i) + " = ";
    for (int j = 0; j < 10; ++j) line += "${k" + std::to_string(i - 1) + "}";
    bomb += line + "\n";
  }
  EXPECT_THAT(refusal("${k19}", sources, bomb), HasSubstr("bytes"));
  std::string nested = "x";
  for (int i = 0; i < 40; ++i) nested = "${" + nested + "}";
  EXPECT_THAT(refusal(nested, sources), HasSubstr("inside of each other"));
}

TEST(VariablesTest, ClassicVariablesNeedTheirSwitch) {
  VariableSources sources = sources_of({{"PORT", "99"}});
  EXPECT_EQ(value("${PORT}", sources), "${PORT}");
  sources.is_classic = true;
  EXPECT_EQ(value("${PORT}", sources), "99");
}

TEST(VariablesTest, ConfigFiltersAnswerInAllTheirSpellings) {
  const VariableSources sources = sources_of({{"pw", "hush-hush"}});
  const std::string filters =
      "a1.configfilters = e x\n"
      "a1.configfilters.e.type = env\n"
      "a1.configfilters.x.type = external\n"
      "a1.configfilters.x.command = /bin/get -q\n";
  EXPECT_EQ(value("${e['pw']}${e[\"pw\"]}${e[pw]}", sources, filters),
            "hush-hushhush-hushhush-hush");
  EXPECT_EQ(value("${x['db_pw']}", sources, filters), "/bin/get|-q|db_pw|");
  EXPECT_THAT(refusal("${x[none]}", sources, filters), HasSubstr("has no value for \"none\""));
  EXPECT_THAT(refusal("${e['nope']}", sources, filters), HasSubstr("has no value"));
  EXPECT_THAT(refusal("${y['pw']}", sources, filters), HasSubstr("no config filter \"y\""));
  EXPECT_EQ(value_of(resolved(filters, sources), "a1.configfilters"), "(none)");
}

TEST(VariablesTest, KeysOfConfigFiltersMayHaveVariables) {
  const VariableSources sources = sources_of({{"HOME", "/home/ann"}});
  const std::string filters =
      "a1.configfilters = ${name}\nname = x\n"
      "a1.configfilters.x.type = external\n"
      "a1.configfilters.x.command = ${env:HOME}/get ${dir}\ndir = /d\n";
  const ConfigText config = resolved("a1.sources.x.y = ${x['k']}\n" + filters, sources);
  EXPECT_THAT(config.problems, IsEmpty());
  EXPECT_EQ(value_of(config, "a1.sources.x.y"), "/home/ann/get|/d|k|");
  EXPECT_EQ(value_of(config, "dir"), "(none)");
  const auto first = [&](const std::string& command, const VariableSources& known) {
    const ConfigText wrong = resolved(
        "a1.configfilters = x\na1.configfilters.x.type = external\na1.configfilters.x.command = " +
            command + "\na1.sources.x.y = ${x['k']}\n",
        known);
    return wrong.problems.empty() ? std::string("(none)") : to_string(wrong.problems.front());
  };
  EXPECT_THAT(first("${env:NONE}/get", sources), HasSubstr("has no variable \"NONE\""));
  EXPECT_THAT(first("${x['k']}", sources), HasSubstr("cannot take values from config filters"));
}

TEST(VariablesTest, FilterIsOfItsAgentAlone) {
  const VariableSources sources = sources_of({{"pw", "x"}});
  const ConfigText config = resolved(
      "a1.configfilters = e\na1.configfilters.e.type = env\na2.sinks.k.y = ${e['pw']}\n", sources);
  EXPECT_THAT(config.problems, SizeIs(1));
}

TEST(VariablesTest, WrongFiltersAreRefused) {
  const VariableSources sources = sources_of({});
  const auto first = [&](const std::string& text) {
    const ConfigText config = resolved(text, sources);
    return config.problems.empty() ? std::string("(none)") : to_string(config.problems.front());
  };
  EXPECT_THAT(first("a1.configfilters = h\na1.configfilters.h.type = hadoop\n"),
              HasSubstr("f:2: a1.configfilters.h.type: \"hadoop\" reads Hadoop's"));
  EXPECT_THAT(first("a1.configfilters = h\na1.configfilters.h.type = external\n"),
              HasSubstr("f:1: a1.configfilters.h.command: required"));
  EXPECT_THAT(first("a1.configfilters = h\n"), HasSubstr("type: required"));
  EXPECT_THAT(first("a1.configfilters.h.type = env\n"), HasSubstr("does not list"));
}

TEST(VariablesTest, WithoutAnEnvironmentKeysAreUnknownAndNotMissed) {
  VariableSources sources;
  const ConfigText config = resolved(
      "a1.sources = r1\na1.channels = c1\na1.sources.r1.type = netcat\n"
      "a1.sources.r1.bind = ${env:HOST}\na1.sources.r1.port = ${env:PORT}\n"
      "a1.sources.r1.channels = c1\na1.channels.c1.type = memory\n"
      "a1.channels.c1.capacity = ${n}\nn = ${env:N}\n",
      sources);
  EXPECT_THAT(config.problems, IsEmpty());
  EXPECT_THAT(config.unknown_keys, Contains("a1.sources.r1.port"));
  EXPECT_FALSE(has_errors(validate_agent(config, "a1").problems));
}

// ---- secrets

TEST(SecretsTest, KeysThatHoldPasswordsAreSecretAndPathsToThemAreNot) {
  for (const char* key : {"keystore-password", "a1.sinks.k.truststorePassword", "x.secretKey",
                          "authToken", "PASSPHRASE"}) {
    EXPECT_TRUE(is_secret_key(key)) << key;
  }
  for (const char* key :
       {"passwordFile", "keyStorePasswordFile", "port", "password-file", "type"}) {
    EXPECT_FALSE(is_secret_key(key)) << key;
  }
}

TEST(SecretsTest, NoMessageShowsWhatAFilterSaid) {
  const std::string secrets[] = {"hunter2hunter2", "p w d", "7", std::string(200, 's') + "end"};
  for (const std::string& secret : secrets) {
    const VariableSources sources = sources_of({{"s", secret}});
    // In every kind of place: type, link, list, number, boolean, choice, name.
    ConfigText config = resolved(
        "a1.configfilters = f\na1.configfilters.f.type = env\n"
        "a1.sources = r1 r2\na1.channels = c1\na1.sinks = k1\n"
        "a1.sources.r1.type = ${f['s']}\na1.sources.r1.channels = c1 ${f['s']}\n"
        "a1.sources.r2.type = netcat\na1.sources.r2.port = ${f['s']}x\n"
        "a1.sources.r2.ack-every-event = ${f['s']}\na1.sources.r2.selector.type = ${f['s']}\n"
        "a1.sources.r2.bind = ::\na1.sources.r2.channels = c1\n"
        "a1.channels.c1.type = memory\na1.channels.c1.capacity = ${f['s']}z\n"
        "a1.sinks.k1.type = null\na1.sinks.k1.channel = ${f['s']}\n",
        sources);
    const LoadedAgent loaded = validate_agent(config, "a1");
    ASSERT_TRUE(has_errors(loaded.problems));
    for (const ConfigProblem& problem : loaded.problems) {
      if (secret.size() < 6) {
        EXPECT_THAT(problem.reason, Not(HasSubstr("\"" + secret + "\"")));
      } else {
        EXPECT_THAT(problem.reason, Not(HasSubstr(secret.substr(0, 12)))) << problem.key;
      }
    }
  }
}

TEST(SecretsTest, ShortSecretsAreHiddenWhereTheyStandAlone) {
  EXPECT_EQ(without_secrets("port 80 of 8080: \"80\"", {"80"}), "port *** of 8080: ***");
  EXPECT_EQ(without_secrets("xtopsecrety", {"topsecret"}), "x***y");
}

// ---- the real sources

TEST(VariableSourcesTest, ProgramsPrintOneLineAndMustSucceed) {
  const VariableSources sources = process_variables({}, false);
  const auto run = [&](const std::string& script) {
    return sources.run_program({"sh", "-c", script});
  };
  const auto good = run("echo one; echo two");
  ASSERT_TRUE(good.has_value());
  EXPECT_EQ(good.value(), "one");
  EXPECT_FALSE(run("echo one; exit 3").has_value());
  EXPECT_FALSE(run("head -c 1000000 /dev/zero").has_value());
  EXPECT_FALSE(sources.run_program({"/nonexistent/program"}).has_value());
}

TEST(VariableSourcesTest, FilesAndTheEnvironmentAreRead) {
  const VariableSources sources = process_variables({}, false);
  const test::TempDir dir;
  const auto text = sources.read_file(dir.write("s", "text"));
  ASSERT_TRUE(text.has_value());
  EXPECT_EQ(text.value(), "text");
  EXPECT_FALSE(sources.read_file(dir.file("none")).has_value());
  EXPECT_FALSE(sources.read_file(dir.write("large", std::string(2U << 20U, 'x'))).has_value());
  EXPECT_TRUE(sources.environment("PATH").has_value());
  EXPECT_FALSE(sources.environment("SPILLWAY_NO_SUCH_VARIABLE").has_value());
}

}  // namespace
}  // namespace spillway::agent
