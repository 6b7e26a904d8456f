#include "agent/demo/delivery_ledger.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <utility>

namespace spillway::agent {
namespace {

constexpr std::string_view kGeneratedPrefix = "demo ";
constexpr std::string_view kFileHeader = "file=";

// The line as taildir delivers it.
std::string_view without_carriage_return(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string host_key(std::string_view path, std::string_view line) {
  std::string key(path);
  key += ' ';
  key += line;
  return key;
}

}  // namespace

DeliveryLedger::DeliveryLedger(std::filesystem::path output_directory)
    : output_directory_(std::move(output_directory)) {}

void DeliveryLedger::expect_lines_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  for (std::string line; std::getline(in, line) && !in.eof();) {
    ++host_lines_[host_key(file.string(), without_carriage_return(line))].expected;
  }
}

void DeliveryLedger::read_output() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(output_directory_, error)) {
    std::uint64_t& offset = read_offsets_[entry.path().string()];
    std::ifstream in(entry.path(), std::ios::binary);
    in.seekg(static_cast<std::streamoff>(offset));
    for (std::string line; std::getline(in, line) && !in.eof();) {
      take_line(line);
      offset += line.size() + 1;
    }
  }
}

void DeliveryLedger::take_line(std::string_view line) {
  const std::size_t headers_end = line.find("} ");
  if (headers_end == std::string_view::npos) return;
  const std::string_view headers = line.substr(0, headers_end);
  const std::string_view body = line.substr(headers_end + 2);
  if (body.starts_with(kGeneratedPrefix)) {
    std::uint64_t number = 0;
    const std::string_view digits = body.substr(kGeneratedPrefix.size());
    std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (generated_copies_.size() <= number) generated_copies_.resize(number + 1);
    generated_copies_[number] == 0 ? ++generated_distinct_ : ++generated_duplicated_;
    generated_copies_[number] = 1;
    return;
  }
  const std::size_t at = headers.find(kFileHeader);
  if (at == std::string_view::npos) return;
  const std::string_view path = headers.substr(at + kFileHeader.size());
  const auto found = host_lines_.find(host_key(path.substr(0, path.find(',')), body));
  if (found != host_lines_.end()) ++found->second.delivered;  // else: written after the start
}

LedgerCounts DeliveryLedger::generated(std::uint64_t sent) const {
  return {.sent = sent, .delivered = generated_distinct_, .duplicated = generated_duplicated_};
}

LedgerCounts DeliveryLedger::host() const {
  LedgerCounts counts;
  for (const auto& line : host_lines_) {
    counts.sent += line.second.expected;
    counts.delivered += std::min(line.second.expected, line.second.delivered);
    counts.duplicated +=
        line.second.delivered - std::min(line.second.expected, line.second.delivered);
  }
  return counts;
}

}  // namespace spillway::agent
