// What the demo expects to be delivered, and what has been: kept outside the agent.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace spillway::agent {

struct LedgerCounts {
  std::uint64_t sent = 0;
  std::uint64_t delivered = 0;   // distinct
  std::uint64_t duplicated = 0;  // further copies
  [[nodiscard]] std::uint64_t lost() const { return sent - delivered; }
};

/// Not thread-safe. Reads what the sink wrote as it grows: `{…file=PATH…} LINE`.
class DeliveryLedger {
 public:
  explicit DeliveryLedger(std::filesystem::path output_directory);

  /// Expects every whole line that `file` holds now.
  void expect_lines_of(const std::filesystem::path& file);

  /// Reads what the sink has written since the last call.
  void read_output();

  /// Generated lines 0 .. sent-1.
  [[nodiscard]] LedgerCounts generated(std::uint64_t sent) const;
  [[nodiscard]] LedgerCounts host() const;
  [[nodiscard]] std::uint64_t generated_delivered() const { return generated_distinct_; }

 private:
  struct HostLine {
    std::uint64_t expected = 0;
    std::uint64_t delivered = 0;
  };

  void take_line(std::string_view line);

  const std::filesystem::path output_directory_;
  std::map<std::string, std::uint64_t> read_offsets_;  // by output file
  std::vector<std::uint8_t> generated_copies_;         // by number; saturating
  std::uint64_t generated_distinct_ = 0;
  std::uint64_t generated_duplicated_ = 0;
  std::unordered_map<std::string, HostLine> host_lines_;  // by "PATH LINE"
};

}  // namespace spillway::agent
