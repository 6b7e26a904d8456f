// Flume's global TLS setup reaches every component that switches TLS on, and nothing that has its
// own.

#include "agent/tls_defaults.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "agent/variables.h"

namespace spillway::agent {
namespace {

using testing::Contains;
using testing::IsEmpty;

std::map<std::string, std::string> with_defaults(const std::string& text,
                                                 const VariableSources& sources,
                                                 std::vector<std::string>* secrets = nullptr) {
  ConfigText config;
  config.properties = parse_properties(text, "f", config.problems);
  add_tls_defaults(config, sources);
  std::map<std::string, std::string> values;
  for (const Property& property : config.properties) values[property.key] = property.value;
  if (secrets != nullptr) *secrets = config.secrets;
  return values;
}

VariableSources environment(std::map<std::string, std::string> variables) {
  VariableSources sources;
  sources.environment = [variables](const std::string& name) -> std::optional<std::string> {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional(at->second);
  };
  return sources;
}

TEST(TlsDefaultsTest, ReachSourcesThatSwitchTlsOn) {
  VariableSources sources = environment({{"FLUME_SSL_KEYSTORE_PATH", "/env.p12"},
                                         {"FLUME_SSL_KEYSTORE_PASSWORD", "swordfish"},
                                         {"FLUME_SSL_INCLUDE_PROTOCOLS", "TLSv1.2,TLSv1.3"},
                                         {"FLUME_SSL_TRUSTSTORE_PATH", "/trust"}});
  sources.definitions["javax.net.ssl.keyStore"] = "/property.p12";
  std::vector<std::string> secrets;
  auto values = with_defaults(
      "a.sources.r.ssl = TRUE\na.sources.s.ssl = false\n"
      "a.sources.t.type = seq\na.sinks.k.ssl = true\n",
      sources, &secrets);
  EXPECT_EQ(values["a.sources.r.keystore"], "/property.p12");  // before the environment
  EXPECT_EQ(values["a.sources.r.keystore-password"], "swordfish");
  EXPECT_EQ(values["a.sources.r.include-protocols"], "TLSv1.2 TLSv1.3");
  EXPECT_EQ(values["a.sinks.k.truststore"], "/trust");
  EXPECT_EQ(values.size(), 4 + 3 + 2);
  EXPECT_THAT(secrets, Contains("swordfish"));
}

TEST(TlsDefaultsTest, LeaveWhatAComponentSaysItself) {
  const VariableSources sources = environment({{"FLUME_SSL_KEYSTORE_PATH", "/env.p12"},
                                               {"FLUME_SSL_KEYSTORE_PASSWORD", "x"},
                                               {"FLUME_SSL_EXCLUDE_PROTOCOLS", "TLSv1.2"}});
  const std::string own =
      "a.sources.r.enableSSL = true\na.sources.r.keystore = /own\n"
      "a.sources.r.keystorePassword = y\na.sources.r.excludeProtocols = TLSv1.3\n";
  EXPECT_EQ(with_defaults(own, sources).size(), 4U);
  EXPECT_THAT(with_defaults("", sources), IsEmpty());
  EXPECT_EQ(with_defaults("a.sources.r.x.ssl = true\na.channels.c.ssl = true\n", sources).size(),
            2U);
}

}  // namespace
}  // namespace spillway::agent
