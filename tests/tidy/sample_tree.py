"""A throw-away source tree for the tests of the checks."""

import pathlib
import tempfile
import unittest


class TreeTest(unittest.TestCase):
    """`self.tree({...})` writes files into a fresh root and returns it."""

    def tree(self, files):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        root = pathlib.Path(folder.name)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return root

    def assert_problem(self, problems, *words):
        """Exactly one problem, which contains all words."""
        self.assertEqual(len(problems), 1, problems)
        for word in words:
            self.assertIn(word, problems[0])
