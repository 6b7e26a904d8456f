"""spillway-bench-load answers every line, also those it does not understand, and ends with its input."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

BINARY = sys.argv[2]


def run(*arguments, commands=""):
    return subprocess.run([BINARY, *arguments], input=commands, capture_output=True, text=True,
                          check=False, timeout=60)


class BenchLoadTest(unittest.TestCase):
    def test_what_is_no_command_fails_by_itself(self):
        lines = ["", "stop", "control", "control 0", "control x", "put 1 1 500", "take 1 2 3 4 5",
                 "put 1 1 500 -1", "put  1 1 500"]
        with tempfile.TemporaryDirectory() as folder:
            done = run(folder, "strict", commands="\n".join(lines) + "\n")
            self.assertEqual(list(pathlib.Path(folder).iterdir()), [])
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stdout.splitlines(), ["failed no such command"] * len(lines))

    def test_an_error_is_an_answer(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder) / "file"
            place.touch()
            done = run(place, "lazy", commands="put 1 1 500 10\nstop\n")
        first, second = done.stdout.splitlines()
        self.assertRegex(first, "^failed .*not.a.directory|^failed .*Not a directory")
        self.assertEqual(second, "failed no such command")

    def test_bad_usage_is_told(self):
        for arguments in ((), ("somewhere",), ("somewhere", "maybe"), ("somewhere", "lazy", "more")):
            done = run(*arguments)
            self.assertEqual(done.returncode, 2)
            self.assertIn("usage:", done.stderr)


if __name__ == "__main__":
    unittest.main()
