// A device that lost a write of the manifest: what was put since is found all the same.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/crash/built_store.h"
#include "tests/support/events.h"
#include "tests/support/fake_clock.h"

namespace spillway::test {
namespace {

// The one manifest that says that a channel was opened again after a clean stop never reached the
// disk: the clean one before it must not hide what was put since.
TEST(LostManifestTest, CleanEndIsNotBelievedWhenTheLogGoesOn) {
  for (const std::size_t put_count : {1U, 2U, 40U}) {
    FlatDisk disk;
    const FakeClock clock;
    std::vector<std::string> expected{"first"};
    DiskImage::FileImage clean_manifest;
    {
      channel::FileChannel channel(atlas_options(), disk, clock);
      ASSERT_TRUE(channel.start().has_value());
      ASSERT_TRUE(channel.put(batch_of({"first"})).has_value());
      channel.stop();
      clean_manifest = disk.image.file(kManifestPath);
      ASSERT_TRUE(channel.start().has_value());
      EXPECT_TRUE(channel.recovered().was_clean);
      for (std::size_t i = 0; i < put_count; ++i) {
        expected.push_back("later " + std::to_string(i));
        ASSERT_TRUE(channel.put(batch_of({expected.back()})).has_value());
      }
    }
    FlatDisk left(disk.image);
    left.image.file(kManifestPath) = clean_manifest;
    channel::FileChannel channel(atlas_options(), left, clock);
    ASSERT_TRUE(channel.start().has_value());
    EXPECT_FALSE(channel.recovered().was_clean);
    EXPECT_EQ(drain(channel), expected) << put_count;
  }
}

}  // namespace
}  // namespace spillway::test
