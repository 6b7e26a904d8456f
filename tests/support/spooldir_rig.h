// A spooldir source over a temporary directory, with a receiver that records.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/eventually.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"

namespace spillway::test {

class SpooldirRig {
 public:
  using Options = std::map<std::string, std::string>;

  explicit SpooldirRig(Options options = {}) : options_(std::move(options)) {
    options_.emplace("spoolDir", dir_.path().string());
    options_.emplace("pollDelay", "1");
    remake();
  }

  SpooldirRig(const SpooldirRig&) = delete;
  SpooldirRig& operator=(const SpooldirRig&) = delete;

  /// Files made by put() are as many seconds old as they were made early. They appear whole, under
  /// a name that the source does not read before.
  void put(const std::string& name, std::string_view text) {
    const std::filesystem::path path = dir_.path() / name;
    const std::string hidden = (std::filesystem::path(name).parent_path() / ".part").string();
    std::filesystem::create_directories(path.parent_path());
    dir_.write(hidden, text);
    std::filesystem::last_write_time(
        dir_.path() / hidden,
        std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++files_ - 1'000));
    std::filesystem::rename(dir_.path() / hidden, path);
  }

  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(dir_.path() / name);
  }
  bool wait_for_file(const std::string& name) const {
    return eventually([&] { return exists(name); });
  }
  bool wait_for_metric(const std::string& name, std::uint64_t value) const {
    return eventually([&] { return metrics().counters[name] == value; });
  }

  void start() { ASSERT_TRUE(source_->start().has_value()); }
  void stop() { source_->stop(); }
  void remake() {
    const auto& type = agent::kSpooldirSource;
    source_.reset();
    source_ = std::move(
        type.create(context_, agent::Config::of(type.options, options_), receiver_).value());
  }
  void restart() {
    remake();
    start();
  }

  [[nodiscard]] std::string tracker() const { return ".flumespool/.flumespool-main.meta"; }
  agent::Source& source() { return *source_; }
  Options& options() { return options_; }
  RecordingReceiver& receiver() { return receiver_; }
  [[nodiscard]] const TempDir& dir() const { return dir_; }
  [[nodiscard]] RecordedMetrics metrics() const { return RecordedMetrics(*source_); }

 private:
  TempDir dir_;
  SystemClock clock_;
  agent::ComponentContext context_{.name = "r1", .clock = &clock_};
  RecordingReceiver receiver_;
  Options options_;
  std::unique_ptr<agent::Source> source_;
  int files_ = 0;
};

}  // namespace spillway::test
