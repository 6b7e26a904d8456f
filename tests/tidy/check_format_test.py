"""check_format.py names the file that clang-format would change."""

import pathlib
import shutil
import unittest

import check_format
import sample_tree

STYLE = pathlib.Path(__file__).resolve().parents[2] / ".clang-format"


@unittest.skipUnless(shutil.which(check_format.TOOL), f"{check_format.TOOL} is not installed")
class CheckFormatTest(sample_tree.TreeTest):
    def problems(self, text):
        return check_format.check(self.tree({".clang-format": STYLE.read_text(), "wal/a.h": text}))

    def test_formatted_code_passes(self):
        self.assertEqual(self.problems("#pragma once\n\nint f(int x);\n"), [])

    def test_unformatted_code_fails_with_its_file(self):
        problems = self.problems("#pragma once\n\nint   f( int x );\n")
        self.assertTrue(problems)
        self.assertIn("wal/a.h:3", problems[0])

    def test_empty_tree_passes(self):
        self.assertEqual(check_format.check(self.tree({"README.md": ""})), [])
