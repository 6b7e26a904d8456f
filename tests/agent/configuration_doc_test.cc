// Promise: the example in docs/configuration.md is accepted as it stands, without a notice.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "agent/agent_config.h"

namespace spillway::agent {
namespace {

constexpr std::string_view kFenceBegin = "```properties\n";
constexpr std::string_view kFenceEnd = "\n```\n";

// The only fenced block of properties; the line numbers of problems are those of the document.
std::string example_of(const std::string& document) {
  const std::size_t fence = document.find(kFenceBegin);
  const std::size_t end = document.find(kFenceEnd, fence);
  if (fence == std::string::npos || end == std::string::npos) return {};
  const std::size_t begin = fence + kFenceBegin.size();
  const auto lines_before =
      std::count(document.begin(), document.begin() + static_cast<std::ptrdiff_t>(begin), '\n');
  return std::string(static_cast<std::size_t>(lines_before), '\n') +
         document.substr(begin, end - begin);
}

TEST(ConfigurationDocTest, TheExampleIsAccepted) {
  std::ifstream in(SPILLWAY_CONFIGURATION_DOC);
  const std::string document{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  ConfigText text;
  text.files = {"docs/configuration.md"};
  text.properties = parse_properties(example_of(document), text.files.front(), text.problems);
  const LoadedAgent loaded = validate_agent(text, "a1");
  for (const ConfigProblem& problem : loaded.problems) ADD_FAILURE() << to_string(problem);
  EXPECT_GE(loaded.agent.sources.size(), 2U);
  EXPECT_GE(loaded.agent.channels.size(), 2U);
  EXPECT_GE(loaded.agent.sinks.size(), 2U);
}

}  // namespace
}  // namespace spillway::agent
