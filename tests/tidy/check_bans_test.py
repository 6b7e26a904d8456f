"""check_bans.py finds every banned construct, and only in code."""

import unittest.mock

import check_bans
import sample_tree

# One line of code that each ban has to find, in a file it applies to.
SAMPLES = {
    "assert": ("wal/a.cc", "assert(x > 0);"),
    "cout": ("wal/a.cc", 'std::cerr << "x";'),
    "endl": ("wal/a.cc", "out << std::endl;"),
    "volatile": ("wal/a.cc", "volatile int x = 0;"),
    "rand": ("wal/a.cc", "int x = rand();"),
    "sleep": ("tests/a_test.cc", "std::this_thread::sleep_for(x);"),
    "new": ("wal/a.cc", "auto* x = new Thing(1);"),
    "delete": ("wal/a.cc", "delete x;"),
    "catch all": ("wal/a.cc", "} catch (...) {"),
    "raw write": ("wal/a.cc", "::pwrite(fd, data, size, 0);"),
    "raw sync": ("wal/a.cc", "fdatasync(fd);"),
    "std mutex": ("wal/a.cc", "std::mutex mutex_;"),
    "detach": ("wal/a.cc", "thread.detach();"),
    "regex": ("wal/a.cc", "std::regex pattern(text);"),
    "c string": ("wal/a.cc", "sprintf(buffer, format);"),
    "silent skip": ("tests/a_test.cc", "GTEST_SKIP();"),
    "disabled test": ("tests/a_test.cc", "TEST(A, DISABLED_Slow) {"),
}

HARMLESS = (
    ("wal/a.cc", "// assert(x), new Thing, delete x and std::endl are banned"),
    ("wal/a.cc", 'log_info("a.b", "assert( new delete volatile");'),
    ("wal/a.cc", "static_assert(sizeof(x) == 4);"),
    ("wal/a.cc", "#include <new>"),
    ("wal/a.cc", "Thing(const Thing&) = delete;"),
    ("wal/a.cc", "std::unique_ptr<Thing> thing(new Thing(1));"),
    ("wal/a.cc", "auto* x = ::new (buffer) Thing;"),
    ("wal/a.cc", "const auto n = random.rand();"),
    ("wal/io/file.cc", "::pwrite(fd, data, size, 0); fsync(fd);"),
    ("wal/base/mutex.h", "std::mutex mutex_; std::condition_variable condition_;"),
    ("wal/io/lock.cc", "std::this_thread::sleep_for(x);"),
    ("tests/a_test.cc", 'GTEST_SKIP() << "needs a second disk";'),
    ("wal/a.cc", "const char c = '\"'; const int n = 1'000'000;"),
)


class CheckBansTest(sample_tree.TreeTest):
    def test_every_ban_has_a_sample(self):
        self.assertEqual(set(SAMPLES), {ban.name for ban in check_bans.BANS})

    def test_each_ban_finds_its_sample_with_its_line(self):
        for ban in check_bans.BANS:
            path, code = SAMPLES[ban.name]
            problems = check_bans.check_text(path, f"#pragma once\n{code}\n", set())
            self.assert_problem(problems, f"{path}:2:", ban.instead, ban.why)

    def test_harmless_code_passes(self):
        for path, code in HARMLESS:
            self.assertEqual(check_bans.check_text(path, code + "\n", set()), [], code)

    def test_left_overs_are_found_in_comments_documents_and_scripts(self):
        root = self.tree({"wal/a.cc": "// FI" + "XME later\n", "docs/a.md": "TO" + "DO: write\n",
                          "run": "# HA" + "CK\n"})
        self.assertEqual(len(check_bans.check(root)), 3)

    def test_exception_covers_its_file_only_and_must_be_needed(self):
        allowed = {("wal/a.cc", "volatile"): "a reason"}
        with unittest.mock.patch.object(check_bans, "EXCEPTIONS", allowed):
            code = "volatile int x = 0;\n"
            self.assertEqual(check_bans.check(self.tree({"wal/a.cc": code})), [])
            self.assert_problem(check_bans.check(self.tree({"wal/a.cc": code, "wal/b.cc": code})),
                                "wal/b.cc:1")
            self.assert_problem(check_bans.check(self.tree({"wal/a.cc": "int x = 0;\n"})),
                                "not needed")
