"""The comparison with Flume runs only jars that it knows, counts only quiet rounds, and says what a
machine lacks. Neither Java nor the network is needed here."""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "bench" / "peers" / "flume" / "compare.py"
sys.path.insert(0, str(SCRIPT.parent))
sys.path.insert(0, str(ROOT / "bench"))

import compare  # noqa: E402
import jars  # noqa: E402
import load  # noqa: E402
import plot  # noqa: E402
import rounds  # noqa: E402

# Stands for both programs: how many events per second it claims is its first number.
FAKE = """#!/usr/bin/env python3
import sys
print("warming", file=sys.stderr)
for line in sys.stdin:
    words = line.split()
    if words[0] == "control":
        print("ok p50_us=40 ops_per_second=20000", flush=True)
    elif words[0] == "die":
        sys.exit("out of memory")
    elif words[0] in ("put", "take"):
        print("ok events_per_second={rate} p50_us=10 p99_us=20.5", flush=True)
    else:
        print("failed no such command", flush=True)
"""


def write_fake(path, rate):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(FAKE.replace("{rate}", str(rate)))
    path.chmod(0o755)


class Folder(unittest.TestCase):
    def setUp(self):
        scope = tempfile.TemporaryDirectory()
        self.addCleanup(scope.cleanup)
        self.folder = pathlib.Path(scope.name)


class JarsTest(Folder):
    def setUp(self):
        super().setUp()
        self.jars = [jars.Jar("org.example", name, "1.0", hashlib.sha256(name.encode()).hexdigest())
                     for name in ("left", "right")]
        self.asked = []

    def bring(self, wanted, folder):
        self.asked.append([jar.artifact for jar in wanted])
        for jar in wanted:
            (folder / jar.file_name).write_text(jar.artifact)

    def test_the_list_of_the_repository_is_pinned(self):
        listed = jars.read_list(jars.LIST.read_text())
        self.assertIn(("flume-file-channel", "1.11.0"), [(j.artifact, j.version) for j in listed])
        self.assertEqual(len({jar.file_name for jar in listed}), len(listed))

    def test_a_line_without_checksum_is_refused(self):
        for text in ("a:b:1.0\n", "a:b:1.0 12ab\n", "a:b " + 64 * "0", "", "# only this\n"):
            with self.assertRaises(jars.JarError):
                jars.read_list(text)

    def test_only_what_is_missing_is_fetched(self):
        place = self.folder / "jars"
        first = jars.provide(self.jars, place, self.bring)
        self.assertEqual(first, f"{place}/left-1.0.jar:{place}/right-1.0.jar")
        (place / "left-1.0.jar").unlink()
        self.assertEqual(jars.provide(self.jars, place, self.bring), first)
        jars.provide(self.jars, place, self.bring)
        self.assertEqual(self.asked, [["left", "right"], ["left"]])

    def test_a_tampered_jar_is_refused_by_name(self):
        jars.provide(self.jars, self.folder, self.bring)
        (self.folder / "right-1.0.jar").write_text("righd")
        with self.assertRaisesRegex(jars.JarError, "right-1.0.jar: refused: its SHA-256"):
            jars.provide(self.jars, self.folder, self.bring)

    def test_a_jar_that_arrives_tampered_is_not_kept(self):
        def bring(wanted, folder):
            self.bring(wanted, folder)
            (folder / "right-1.0.jar").write_text("righd")
        with self.assertRaisesRegex(jars.JarError, "right-1.0.jar: refused"):
            jars.provide(self.jars, self.folder, bring)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_a_jar_that_does_not_arrive_is_an_error(self):
        with self.assertRaisesRegex(jars.JarError, "left-1.0.jar: No such file"):
            jars.provide(self.jars, self.folder, lambda wanted, folder: None)

    def test_maven_is_asked_for_nothing_beyond_the_list(self):
        text = jars.pom(self.jars)
        self.assertEqual(text.count("<dependency>"), 2)
        self.assertEqual(text.count("<groupId>*</groupId><artifactId>*</artifactId>"), 2)
        self.assertIn("<artifactId>right</artifactId><version>1.0</version>", text)

    def test_without_maven_or_when_it_fails_the_reason_is_told(self):
        with mock.patch.dict(os.environ, PATH=str(self.folder)):
            with self.assertRaisesRegex(jars.Unavailable, "Maven is missing"):
                jars.run_maven(self.jars, self.folder)
            maven = self.folder / "mvn"
            maven.write_text("#!/bin/sh\necho '[ERROR] unknown host'\nexit 1\n")
            maven.chmod(0o755)
            with self.assertRaisesRegex(jars.Unavailable, "unknown host"):
                jars.run_maven(self.jars, self.folder)


class LoadTest(Folder):
    def setUp(self):
        super().setUp()
        write_fake(self.folder / "fake", 5)

    def start(self):
        return load.Load("fake", [self.folder / "fake"], self.folder / "log")

    def test_an_answer_becomes_numbers(self):
        with self.start() as fake:
            self.assertEqual(fake.ask("put", 1, 1, 500, 10),
                             {"events_per_second": 5, "p50_us": 10, "p99_us": 20.5})

    def test_a_failure_names_program_and_command(self):
        with self.start() as fake:
            with self.assertRaisesRegex(load.LoadError, "fake: jump 3: failed no such command"):
                fake.ask("jump", 3)

    def test_the_last_words_of_a_dead_process_are_told(self):
        with self.start() as fake:
            with self.assertRaisesRegex(load.LoadError, "has ended: .*out of memory"):
                fake.ask("die")

    def test_a_process_that_does_not_answer_is_given_up(self):
        (self.folder / "fake").write_text("#!/bin/sh\nexec cat >/dev/null\n")
        with self.start() as fake:
            with self.assertRaisesRegex(load.LoadError, "no answer in time"):
                fake.ask("put", seconds_max=0)

    def test_what_is_no_answer_is_refused(self):
        for line in ("", "ok p50", "ok p50=fast", "okay p50=1", "failed because"):
            with self.assertRaises(load.LoadError):
                load.parse_answer(line)


def answer(rate):
    return {"events_per_second": rate, "p50_us": 1000 / rate, "p99_us": 2000 / rate}


class RoundsTest(unittest.TestCase):
    CELL = rounds.Cell("put", 8, 100, 15, 40)

    def test_a_round_beside_a_slow_device_does_not_count(self):
        p50 = iter([40, 40, 81, 40, 40, 40])
        accepted, dropped = rounds.take_rounds(
            rounds.Control(lambda millis: next(p50)), lambda index: (answer(100 + index), answer(10)),
            wanted=3, seconds_max=60)
        self.assertEqual((len(accepted), dropped), (3, 2))
        self.assertEqual([r.ratio for r in accepted], [10, 10.3, 10.4])

    def test_a_control_that_gets_better_judges_earlier_rounds_again(self):
        p50 = iter([90, 90, 40, 40, 40])
        accepted, dropped = rounds.take_rounds(
            rounds.Control(lambda millis: next(p50)), lambda index: (answer(1), answer(1)),
            wanted=2, seconds_max=60)
        self.assertEqual((len(accepted), dropped), (2, 2))

    def test_rounds_end_after_three_times_as_many_as_wanted_or_in_time(self):
        p50 = iter([40, *[100] * 50])
        _, dropped = rounds.take_rounds(rounds.Control(lambda millis: next(p50)),
                                        lambda index: (answer(1), answer(1)), 2, 60)
        self.assertEqual(dropped, 6)
        seconds = iter(range(0, 1000, 10))
        accepted, _ = rounds.take_rounds(rounds.Control(lambda millis: 40),
                                         lambda index: (answer(1), answer(1)), 50, 35,
                                         now=lambda: next(seconds))
        self.assertEqual(len(accepted), 3)

    def test_the_ratio_is_that_of_a_round(self):
        accepted = [rounds.Round(40, 40, answer(ours), answer(theirs))
                    for ours, theirs in ((100, 10), (400, 20), (900, 30))]
        row = rounds.row_of(self.CELL, 500, accepted, 4)
        self.assertEqual((row["ratio"], row["ratio_min"], row["ratio_max"]), (20, 10, 30))
        self.assertEqual((row["spillway_events_per_second"], row["flume_events_per_second"]), (400, 20))
        self.assertEqual((row["accepted"], row["dropped"], row["verdict"]), (3, 4, "must"))
        for part in ("put 8 x 100", "20.0", "10.0-30.0", "must", "3/4"):
            self.assertIn(part, rounds.line_of(row))

    def test_verdicts_are_those_of_the_goals(self):
        for ratio, verdict in ((40, "stretch"), (39.9, "must"), (15, "must"), (14.9, "missed"),
                               (None, "not measured")):
            self.assertEqual(rounds.judge(self.CELL, ratio), verdict)
        self.assertEqual(rounds.judge(rounds.Cell("take", 1, 100, None, None, "lazy"), 99), "-")

    def test_a_line_that_was_never_quiet_has_no_numbers(self):
        row = rounds.row_of(self.CELL, 500, [], 21)
        self.assertIsNone(row["ratio"])
        self.assertIn("not measured: the device was never quiet, 21 dropped", rounds.line_of(row))
        json.dumps(row, allow_nan=False)


class CompareTest(Folder):
    def run_script(self, *arguments, path):
        return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True,
                              check=False, env={**os.environ, "PATH": path})

    def test_what_is_missing_skips_with_its_name(self):
        build = self.folder / "build"
        done = self.run_script("--build", build, path=os.environ["PATH"])
        self.assertEqual((done.returncode, "ninja -C" in done.stdout), (77, True))
        write_fake(build / "bench" / "peers" / "spillway-bench-load", 1)
        done = self.run_script("--build", build, path=str(self.folder))
        self.assertEqual((done.returncode, "java is missing" in done.stdout), (77, True))

    def test_a_tampered_jar_ends_it_before_java_sees_it(self):
        build = self.folder / "build"
        write_fake(build / "bench" / "peers" / "spillway-bench-load", 1)
        for name in ("java", "javac"):
            (self.folder / name).write_text(f"#!/bin/sh\ntouch {self.folder}/ran\n")
            (self.folder / name).chmod(0o755)
        cache = build / "flume" / "jars"
        cache.mkdir(parents=True)
        for jar in jars.read_list(jars.LIST.read_text()):
            (cache / jar.file_name).write_text("not this")
        done = self.run_script("--build", build, path=str(self.folder))
        self.assertEqual(done.returncode, 1)
        self.assertIn("refused", done.stderr)
        self.assertFalse((self.folder / "ran").exists())

    def test_arguments_are_checked(self):
        for arguments in (["--samples", "0"], ["--sample-millis", "-1"], ["--only", "dance"], ["extra"]):
            with self.assertRaises(SystemExit), contextlib.redirect_stderr(io.StringIO()):
                compare.parse(arguments)
        options = compare.parse(["--build", "there"])
        self.assertEqual((options.dir, options.jars),
                         (pathlib.Path("there"), pathlib.Path("there/flume/jars")))

    def test_every_line_measures_both_and_can_be_drawn(self):
        write_fake(self.folder / "bench" / "peers" / "spillway-bench-load", 400)
        write_fake(self.folder / "java", 20)
        options = compare.parse(["--build", str(self.folder), "--samples", "2", "--sample-millis", "1",
                                 "--warm-up-seconds", "0"])
        path = f"{self.folder}{os.pathsep}{os.environ['PATH']}"
        with mock.patch.dict(os.environ, PATH=path):
            rows = list(compare.measure_all(compare.CELLS, self.folder, "no.jar", options))
        self.assertEqual([row["ratio"] for row in rows], [20] * 6)
        self.assertEqual([row["verdict"] for row in rows],
                         ["stretch", "stretch", "stretch", "must", "stretch", "-"])
        drawn = plot.draw({"kind": "flume", "rows": rows})
        self.assertEqual(list(drawn), ["flume.svg"])
        self.assertIn("put 8 x 100", drawn["flume.svg"])

    def test_who_begins_changes_with_every_round(self):
        order = []

        class Peer:
            def __init__(self, name):
                self.name = name

            def ask(self, *_):
                order.append(self.name)
                return answer(1)

        options = compare.parse(["--samples", "2", "--warm-up-seconds", "0"])
        compare.measure_cell(compare.CELLS[0], rounds.Control(lambda millis: 40), Peer("ours"),
                             Peer("theirs"), options)
        self.assertEqual(order, ["ours", "theirs", "theirs", "ours"])


if __name__ == "__main__":
    unittest.main()
