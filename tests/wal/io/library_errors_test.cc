// Whatever call to the kernel fails, and with whatever error, wal/io says so or does it in another
// way; an interrupted call is repeated; nothing leaks; and the next attempt succeeds (A4, below the
// seam of the simulated disk).

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/support/temp_dir.h"
#include "tests/support/tried.h"
#include "tests/wal/io/failing_calls.h"
#include "wal/base/log.h"
#include "wal/io/aligned_buffer.h"
#include "wal/io/append_file.h"
#include "wal/io/posix_file_system.h"
#include "wal/io/posix_lock.h"
#include "wal/io/rename_new.h"
#include "wal/io/replace_file.h"

namespace spillway::io {
namespace {

using test::failed_library_call;

constexpr std::size_t kFileBlocks = 4;

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

AlignedBuffer pattern(std::size_t blocks) {
  AlignedBuffer buffer(blocks * kBlockBytes);
  for (std::size_t i = 0; i < buffer.size(); ++i) {
    buffer.span()[i] = static_cast<std::byte>(i * 7 + i / 512);
  }
  return buffer;
}

// Each of these does one thing with files in the directory and checks what has come of it.
Result<void> write_and_read(const std::string& path) {
  PosixFileSystem files;
  TRY_ASSIGN(const auto directory,
             files.open_directory(path + "/a/b", FileSystem::Missing::kCreate));
  const AlignedBuffer written = pattern(kFileBlocks);
  {
    TRY_ASSIGN(const auto file, directory->open("file", OpenMode::kCreate));
    TRY(file->allocate(2 * written.size()));
    TRY(file->write_at(0, written.span(), Durability::kDurable));
    TRY(file->truncate(written.size()));
    TRY(file->sync());
  }
  TRY(directory->sync());
  TRY_ASSIGN(const auto file, directory->open("file", OpenMode::kReadWrite));
  AlignedBuffer found(written.size());
  TRY_ASSIGN(const std::size_t bytes, file->read_at(0, found.span()));
  EXPECT_EQ(bytes, written.size());
  EXPECT_TRUE(std::equal(found.span().begin(), found.span().end(), written.span().begin()));
  TRY_ASSIGN(const std::uint64_t size, file->size_bytes());
  EXPECT_EQ(size, written.size());
  TRY_ASSIGN(const auto names, directory->list());
  EXPECT_EQ(names, std::vector<std::string>{"file"});
  TRY_ASSIGN(const SpaceInfo space, directory->space());
  EXPECT_GT(space.total_bytes, 0U);
  TRY(directory->remove("file"));
  return {};
}

Result<void> lock_and_ask(const std::string& path) {
  PosixFileSystem files;
  TRY_ASSIGN(const auto directory, files.open_directory(path, FileSystem::Missing::kFail));
  {
    TRY_ASSIGN(const auto lock, directory->lock());
    TRY_ASSIGN(const auto owner, lock_owner(path));
    EXPECT_TRUE(owner.has_value());
  }
  TRY_ASSIGN(const auto owner, lock_owner(path));
  EXPECT_FALSE(owner.has_value());
  return {};
}

std::string text_of(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

Result<void> replace_and_rename(const std::string& path) {
  const std::string name = path + "/text";
  const std::string text = "contents";
  TRY(replace_file(name, as_bytes(text)));
  TRY(replace_file(name, as_bytes(text)));
  TRY(rename_new(name, path + "/renamed"));
  EXPECT_EQ(text_of(path + "/renamed"), text);
  return {};
}

Result<void> append_and_cut(const std::string& path) {
  {
    TRY_ASSIGN(AppendFile file, AppendFile::create(path + "/log"));
    TRY(file.append(as_bytes(std::string_view("first"))));
    TRY(file.sync());
  }
  TRY_ASSIGN(AppendFile file, AppendFile::open(path + "/log"));
  TRY(file.append(as_bytes(std::string_view(", second"))));
  TRY(file.cut());
  EXPECT_EQ(text_of(path + "/log"), "first, second");
  return {};
}

struct Work {
  const char* name;
  Result<void> (*run)(const std::string& path);
};

// Every call that may be interrupted; the others never are, on files.
const std::set<std::string>& interruptible() {
  static const std::set<std::string> names{"open",  "openat",   "pread",     "pwritev2",
                                           "write", "fsync",    "fdatasync", "fallocate",
                                           "fcntl", "ftruncate"};
  return names;
}

class LibraryErrorsTest : public testing::TestWithParam<Work> {
 protected:
  static void SetUpTestSuite() { set_log_level(LogLevel::kError); }
  void TearDown() override {
    test::let_library_calls_work();
    test::note_tried(test::kFaults, tried_);
  }

  std::uint64_t tried_ = 0;
};

TEST_P(LibraryErrorsTest, EveryFailureOfEveryCallIsReportedOrMadeUpFor) {
  const std::vector<int> errors{EIO,    ENOSPC, EDQUOT,     EINTR, EINVAL,
                                EACCES, ENOSYS, EOPNOTSUPP, EROFS, ENOENT};
  for (const int os_error : errors) {
    for (std::uint64_t number = 1;; ++number) {
      const test::TempDir directory;
      const std::string path = directory.path().string();
      const std::size_t descriptors = open_descriptors();
      test::fail_library_call(number, os_error);
      const Result<void> outcome = GetParam().run(path);
      const std::string failed = failed_library_call();
      test::let_library_calls_work();
      if (failed.empty()) break;
      ++tried_;
      SCOPED_TRACE("call " + std::to_string(number) + ", " + failed + ", failed with " +
                   std::to_string(os_error));
      if (os_error == EINTR && interruptible().contains(failed)) {
        EXPECT_TRUE(outcome.has_value()) << to_string(outcome.error());
      }
      EXPECT_TRUE(outcome.has_value() || outcome.error().os_error != 0);
      EXPECT_EQ(open_descriptors(), descriptors);
      if (HasFailure()) return;
    }
  }
  EXPECT_GT(tried_, 50U);
}

TEST_P(LibraryErrorsTest, WorksWhereNothingFails) {
  const test::TempDir directory;
  const auto outcome = GetParam().run(directory.path().string());
  EXPECT_TRUE(outcome.has_value()) << to_string(outcome.error());
}

INSTANTIATE_TEST_SUITE_P(Works, LibraryErrorsTest,
                         testing::Values(Work{"WriteAndRead", write_and_read},
                                         Work{"LockAndAsk", lock_and_ask},
                                         Work{"ReplaceAndRename", replace_and_rename},
                                         Work{"AppendAndCut", append_and_cut}),
                         [](const auto& work) { return std::string(work.param.name); });

// What a call fails with for good on some file systems, and what is done instead.
struct Lack {
  const char* call;
  int os_error;
  Result<void> (*run)(const std::string& path);
};

class LackingFileSystemTest : public testing::TestWithParam<Lack> {};

TEST_P(LackingFileSystemTest, IsUsedInAnotherWay) {
  const test::TempDir directory;
  test::fail_library_calls_of(GetParam().call, GetParam().os_error);
  const auto outcome = GetParam().run(directory.path().string());
  EXPECT_NE(failed_library_call(), "");
  test::let_library_calls_work();
  EXPECT_TRUE(outcome.has_value()) << to_string(outcome.error());
}

INSTANTIATE_TEST_SUITE_P(Lacks, LackingFileSystemTest,
                         testing::Values(Lack{"fallocate", EOPNOTSUPP,
                                              write_and_read},  // NFS before 4.2
                                         Lack{"fallocate", ENOSYS, write_and_read},
                                         Lack{"renameat2", EINVAL, replace_and_rename},  // NFS
                                         Lack{"renameat2", ENOSYS, replace_and_rename}),
                         [](const auto& lack) {
                           return std::string(lack.param.call) +
                                  std::to_string(lack.param.os_error);
                         });

TEST(LackingAbilityTest, DirectoryWithoutTypesIsListed) {
  const test::TempDir directory;
  std::ofstream(directory.path() / "file") << "text";
  std::filesystem::create_directory(directory.path() / "folder");
  PosixFileSystem files;
  const auto opened = files.open_directory(directory.path().string(), FileSystem::Missing::kFail);
  ASSERT_TRUE(opened.has_value());
  test::hide_types();
  const auto names = opened.value()->list();
  test::let_library_calls_work();
  ASSERT_TRUE(names.has_value());
  EXPECT_EQ(names.value(), std::vector<std::string>{"file"});
}

TEST(LackingAbilityTest, NameThatIsTakenIsNotReplacedWhereRenamingCannotTell) {
  const test::TempDir directory;
  const std::string path = directory.path().string();
  std::ofstream(path + "/from") << "from";
  std::ofstream(path + "/to") << "to";
  test::fail_library_calls_of("renameat2", EINVAL);
  const auto outcome = rename_new(path + "/from", path + "/to");
  test::let_library_calls_work();
  ASSERT_FALSE(outcome.has_value());
  EXPECT_EQ(outcome.error().code, Errc::kExists);
  EXPECT_EQ(text_of(path + "/to"), "to");
}

}  // namespace
}  // namespace spillway::io
