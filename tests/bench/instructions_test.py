"""Instructions per event come from differences of runs, and a machine without valgrind is told so."""

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bench" / "instructions.py"
SPEC = importlib.util.spec_from_file_location("instructions", SCRIPT)
instructions = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(instructions)


def run(*arguments, path):
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True,
                          check=False, env={**os.environ, "PATH": path})


class InstructionsTest(unittest.TestCase):
    def test_start_and_stop_cancel_out(self):
        def counter(kind, _batch, events):
            return 1_000_000 + events * (300 if kind == "put" else 450)
        self.assertEqual(instructions.per_event(counter, 1, 500), (300, 150))

    def test_the_total_is_read_from_the_profile(self):
        self.assertEqual(instructions.total_of("events: Ir\nfn=(1)\n1 2\ntotals: 4711\n"), 4711)
        with self.assertRaises(instructions.CountError):
            instructions.total_of("events: Ir\n")

    def test_without_valgrind_it_skips_and_says_why(self):
        with tempfile.TemporaryDirectory() as empty:
            done = run(path=empty)
        self.assertEqual(done.returncode, instructions.SKIPPED)
        self.assertIn("valgrind is missing", done.stdout)

    def test_a_missing_workload_and_a_failing_one_are_errors(self):
        with tempfile.TemporaryDirectory() as folder:
            valgrind = pathlib.Path(folder) / "valgrind"
            valgrind.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
            valgrind.chmod(0o755)
            path = folder + os.pathsep + os.environ["PATH"]
            done = run("--build", folder, path=path)
            self.assertEqual(done.returncode, 1)
            self.assertIn("ninja", done.stderr)
            load = pathlib.Path(folder) / "bench" / "instructions_load"
            load.parent.mkdir()
            load.touch()
            done = run("--build", folder, path=path)
            self.assertEqual(done.returncode, 1)
            self.assertIn("broken", done.stderr)


if __name__ == "__main__":
    unittest.main()
