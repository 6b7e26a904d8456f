#include "tests/agent/recover/recover_binary.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace spillway::agent::recover {
namespace {

std::string& binary() {
  static std::string path;
  return path;
}

}  // namespace

const std::string& spillway_binary() {
  return binary();
}

}  // namespace spillway::agent::recover

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc < 2) {
    std::fputs("usage: recover_test SPILLWAY\n", stderr);
    return 2;
  }
  spillway::agent::recover::binary() = argv[1];
  return RUN_ALL_TESTS();
}
