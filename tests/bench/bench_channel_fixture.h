// A benchmark's channel in a directory of its own, opened by SetUp() of the test.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "bench/bench_channel.h"
#include "tests/support/temp_dir.h"
#include "wal/base/clock.h"
#include "wal/io/posix_file_system.h"

namespace spillway::bench {

/// `Base`: testing::Test, or one with parameters.
template <class Base>
class BenchChannelFixture : public Base {
 protected:
  void open(ChannelSetup setup) {
    setup.directory = dir_.path().string();
    auto opened = BenchChannel::open(setup, file_system_, clock_);
    ASSERT_TRUE(opened.has_value()) << to_string(opened.error());
    channel_ = std::move(opened.value());
  }

  test::TempDir dir_;
  SystemClock clock_;
  io::PosixFileSystem file_system_;
  std::unique_ptr<BenchChannel> channel_;
};

}  // namespace spillway::bench
