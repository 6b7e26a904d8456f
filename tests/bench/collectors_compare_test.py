"""The comparison with other collectors measures what it says: a collector that loses, doubles or changes
a line is found out, one that ends is told of, noisy rounds do not count, and goals are judged right."""

import argparse
import contextlib
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench" / "peers" / "collectors"))

import collectors  # noqa: E402
import compare  # noqa: E402
import idle  # noqa: E402
import load  # noqa: E402
import packages  # noqa: E402

LINES, AGENT = (pathlib.Path(path).resolve() for path in sys.argv[-2:])

# A collector in a few lines: writes what one connection sends, after FAULT was applied to the lines.
FAKE = """
import os, socket, sys, time
port, output, fault = int(sys.argv[1]), sys.argv[2], sys.argv[3]
if fault == "die":
    sys.exit("no such luck")
server = socket.create_server(("127.0.0.1", port))
queue = b""
while True:
    client, _ = server.accept()
    parts = []
    while part := client.recv(1 << 16):
        parts.append(part)
    lines = b"".join(parts).splitlines(keepends=True)
    if fault == "double":
        lines[1] = lines[0]
    if fault == "change":
        lines[2] = lines[2][:-9] + b"lost bit" + lines[2][-1:]
    client.close()
    while not os.path.isdir(output):
        time.sleep(0.001)
    with open(f"{output}/lines", "ab") as file:
        file.write(b"".join(lines))
"""


def fake(fault):
    def command(_, programs, place):
        del programs
        return collectors.Command([sys.executable, "-c", FAKE, place.port, place.output, fault], {})
    return command


class Folder(unittest.TestCase):
    def setUp(self):
        scope = tempfile.TemporaryDirectory()
        self.addCleanup(scope.cleanup)
        self.folder = pathlib.Path(scope.name)


class LoadTest(Folder):
    def measure(self, fault, kind="memory"):
        with mock.patch.dict(collectors.COLLECTORS, fake=fake(fault)):
            return load.measure(LINES, load.Load("fake", kind, 1, 400, 100), None, self.folder / "work")

    def test_a_faithful_collector_has_a_sample(self):
        sample = self.measure("none")
        self.assertGreater(sample.events_per_second, 0)
        self.assertGreater(sample.peak_mib, 1)
        self.assertIsNone(sample.drain_per_second)
        self.assertFalse((self.folder / "work").exists())

    def test_lines_that_are_doubled_or_changed_fail_the_measurement(self):
        for fault, reason in (("double", "1 missing, 1 repeated|2 missing, 2 repeated"), ("change", "wrong")):
            with self.assertRaisesRegex(load.LoadError, reason):
                self.measure(fault)

    def test_a_collector_that_does_not_start_is_told_of(self):
        with self.assertRaisesRegex(collectors.CollectorError, "no such luck"):
            self.measure("die")

    def test_held_up_output_is_drained_afterwards(self):
        with mock.patch.dict(collectors.COLLECTORS, fake=fake("none")):
            sample = load.measure(LINES, load.Load("fake", "spilling", 1, 400), None, self.folder / "work")
        self.assertGreater(sample.drain_per_second, 0)

    def test_our_agent_keeps_every_line(self):
        programs = collectors.Programs(AGENT, None, None)
        for kind, connections in (("memory", 3), ("file", 1), ("spilling", 2)):
            sample = load.measure(LINES, load.Load("spillway", kind, connections, 3000, 500), programs,
                                  self.folder / "work")
            self.assertEqual(sample.disordered, 0)


def samples(**rates):
    """A round by name of mode: rate, or (rate, CPU, others)."""
    def sample(value):
        rate, cpu, others = value if isinstance(value, tuple) else (value, 1, 0)
        return load.Sample(rate, cpu, 1, others)
    return {tuple(name.split("__")): sample(value) for name, value in rates.items()}


class CompareTest(unittest.TestCase):
    def test_a_ratio_is_ours_to_the_best_of_theirs(self):
        a_round = samples(a__memory=(2, 8, 0), b__memory=(4, 6, 0), c__memory=(6, 3, 0))
        modes = list(a_round)
        speed = compare.Goal("speed", modes[2], modes[:2], 1.5)
        cost = compare.Goal("cost", modes[2], modes[:2], 1, "cpu_us")
        self.assertEqual((speed.ratio(a_round), cost.ratio(a_round)), (1.5, 0.5))
        self.assertTrue(speed.is_met(1.5) and cost.is_met(1))
        self.assertFalse(speed.is_met(1.49) or cost.is_met(1.01))

    def test_noisy_rounds_do_not_count_and_do_not_go_on_for_ever(self):
        options = argparse.Namespace(rounds=2, others_max=0.25)
        modes = [("a", "memory"), ("b", "memory")]
        for noise, kept, lost in (((0.1,) * 9, 2, 0), ((0.1, 0.9, 0.2, 0.2, 0.2, 0.2), 2, 1), ((0.3,) * 99, 0, 6)):
            noises = iter(noise)
            with contextlib.redirect_stderr(io.StringIO()):
                rounds, dropped = compare.take_rounds(
                    modes, lambda _, noises=noises: load.Sample(1, 1, 1, next(noises)), options)
            self.assertEqual((len(rounds), dropped), (kept, lost))

    def test_every_goal_compares_modes_that_are_measured(self):
        for goal in compare.GOALS:
            self.assertTrue({goal.ours, *goal.theirs} <= set(compare.MODES), goal.what)

    def test_bad_arguments_are_refused(self):
        for words in (["--rounds", "0"], ["--connections", "0"], ["--modes", "spillway:tape"]):
            with contextlib.redirect_stderr(io.StringIO()), self.assertRaises(SystemExit):
                compare.parse(words)


class PackagesTest(Folder):
    package = packages.Package("log", "usr/sbin/log", "/nowhere/log")

    def bring(self, command, folder):
        self.asked.append(command[0])
        if command[0] == "apt-get":
            (folder / "log_1.deb").touch()
        else:
            program = folder / self.package.program
            program.parent.mkdir(parents=True)
            program.touch()

    def test_a_package_is_fetched_once(self):
        self.asked = []
        for _ in range(2):
            self.assertEqual(packages.provide(self.package, self.folder, self.bring), self.folder / "log")
        self.assertEqual(self.asked, ["apt-get", "dpkg"])

    def test_an_installed_one_is_taken(self):
        there = packages.Package("sh", "bin/sh", "/bin/sh")
        self.assertEqual(packages.provide(there, self.folder, None), pathlib.Path("/"))

    def test_without_the_package_the_reason_is_told(self):
        with self.assertRaisesRegex(packages.Unavailable, "0 files"):
            packages.provide(self.package, self.folder, lambda *_: None)
        with self.assertRaisesRegex(packages.Unavailable, "false"):
            packages.run(["false"], self.folder)
        with mock.patch.dict(os.environ, PATH=str(self.folder)):
            with self.assertRaisesRegex(packages.Unavailable, "apt-get"):
                packages.run(["apt-get"], self.folder)


class ReportTest(Folder):
    def test_a_whole_run_prints_and_keeps_its_rows(self):
        report = self.folder / "report.json"
        programs = collectors.Programs(AGENT, None, None)
        words = ["--rounds", "1", "--lines", "2000", "--connections", "2", "--modes",
                 "spillway:memory,spillway:file", "--others-max", "99", "--dir", str(self.folder),
                 "--json", str(report)]
        shown = io.StringIO()
        with mock.patch.object(compare, "tools", return_value=(LINES, programs)), \
                mock.patch.object(compare, "versions", return_value=["none"]), contextlib.redirect_stdout(shown):
            self.assertEqual(compare.main(words), compare.FINE)
        self.assertIn("spillway   file ", shown.getvalue())
        rows = json.loads(report.read_text())["rows"]
        self.assertEqual([(row["collector"], row["kind"]) for row in rows],
                         [("spillway", "memory"), ("spillway", "file")])

    def test_idling_is_measured(self):
        programs = collectors.Programs(AGENT, None, None)
        words = ["--starts", "2", "--seconds", "0.1", "--dir", str(self.folder)]
        shown = io.StringIO()
        with mock.patch.object(compare, "tools", return_value=(LINES, programs)), contextlib.redirect_stdout(shown):
            self.assertIn(idle.main(words), (compare.FINE, compare.FAILED))
        self.assertRegex(shown.getvalue(), r"spillway   file +\d+\.\d +\d+\.\d")


if __name__ == "__main__":
    unittest.main()
