// A taildir source over a temporary directory, with a fake clock and a receiver that records.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "agent/config.h"
#include "agent/registry.h"
#include "tests/support/fake_clock.h"
#include "tests/support/recorded_metrics.h"
#include "tests/support/recording_receiver.h"
#include "tests/support/temp_dir.h"

namespace spillway::test {

class TaildirRig {
 public:
  using Options = std::map<std::string, std::string>;

  /// Follows *.log unless told otherwise. Does not start.
  explicit TaildirRig(Options options = {}) : options_(std::move(options)) {
    std::filesystem::create_directory(logs());
    options_.emplace("filegroups", "f1");
    options_.emplace("filegroups.f1", logs().string() + R"(/.*\.log)");
    options_.emplace("positionFile", position_path());
    remake();
  }

  [[nodiscard]] std::filesystem::path logs() const { return dir_.path() / "logs"; }
  [[nodiscard]] std::string log(std::string_view name) const { return (logs() / name).string(); }
  [[nodiscard]] std::string position_path() const { return dir_.file("positions.json"); }

  void append(std::string_view name, std::string_view text) {
    const bool is_new = !std::filesystem::exists(logs() / name);
    std::ofstream out(logs() / name, std::ios::binary | std::ios::app);
    out << text;
    CHECK(out.flush().good());
    if (is_new) tick();
  }
  void rewrite(std::string_view name, std::string_view text) const {
    std::ofstream out(logs() / name, std::ios::binary | std::ios::trunc);
    out << text;
    CHECK(out.flush().good());
  }
  void rename(std::string_view from, std::string_view to) {
    std::filesystem::rename(logs() / from, logs() / to);
    tick();
  }
  void remove(std::string_view name) {
    std::filesystem::remove(logs() / name);
    tick();
  }

  void start() { ASSERT_TRUE(source_->start().has_value()); }

  /// Polls until there is nothing to do, or until a poll fails; returns that error.
  Result<void> poll_all() {
    while (true) {
      const auto polled = source_->poll();
      if (!polled.has_value()) return polled.error();
      if (polled.value() == agent::Source::Poll::kIdle) return {};
    }
  }

  /// What new polls bring.
  std::vector<std::string> lines() {
    EXPECT_TRUE(poll_all().has_value());
    std::vector<std::string> bodies = receiver_.bodies();
    bodies.erase(bodies.begin(), bodies.begin() + static_cast<std::ptrdiff_t>(seen_));
    seen_ += bodies.size();
    return bodies;
  }

  /// Stops cleanly and starts a new source over the same files.
  void restart() {
    source_->stop();
    remake();
    start();
  }

  /// As after kill -9: the position file stays as it is.
  void crash() {
    remake();
    start();
  }

  void advance(std::chrono::milliseconds duration) { clock_.advance(duration); }

  agent::Source& source() { return *source_; }
  RecordingReceiver& receiver() { return receiver_; }
  [[nodiscard]] const TempDir& dir() const { return dir_; }
  [[nodiscard]] RecordedMetrics metrics() const { return RecordedMetrics(*source_); }

 private:
  // The kernel's clock for files ticks every few milliseconds, ours jumps: without this, two
  // changes of the directory that are seconds apart for the source could look like one.
  void tick() {
    std::filesystem::last_write_time(
        logs(), std::filesystem::file_time_type::clock::now() + std::chrono::seconds(++ticks_));
  }

  void remake() {
    const auto& type = agent::kTaildirSource;
    source_ = std::move(
        type.create(context_, agent::Config::of(type.options, options_), receiver_).value());
  }

  TempDir dir_;
  FakeClock clock_;
  agent::ComponentContext context_{.name = "r1", .clock = &clock_};
  RecordingReceiver receiver_;
  Options options_;
  std::unique_ptr<agent::Source> source_;
  std::size_t seen_ = 0;
  int ticks_ = 0;
};

}  // namespace spillway::test
