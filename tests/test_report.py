"""Reads what `meson test` left behind and counts test cases, not executables.

A gtest executable writes its cases to <build>/<name>.xml, a TAP test prints them; every other test
is one case. An executable that fails without a failing case (crash, time-out, leak) counts as one.
"""

import collections
import dataclasses
import json
import pathlib
import re
import xml.etree.ElementTree

TAP_LINE = re.compile(r"^(not )?ok\b(?:\s+(\d+))?\s*(?:- )?([^#]*)(?:#\s*(.*))?$")

# Properties of a gtest case; tests/support/tried.h.
TRIED = ("crash_states", "faults", "inputs")
SEEDS = ("seed_first", "seed_last")


@dataclasses.dataclass(frozen=True)
class MesonTest:
    name: str
    suites: frozenset
    protocol: str
    targets: tuple  # what ninja has to build for it


@dataclasses.dataclass
class Report:
    passed: int = 0
    failed: list = dataclasses.field(default_factory=list)  # (case, reason)
    skipped: list = dataclasses.field(default_factory=list)
    tried: collections.Counter = dataclasses.field(default_factory=collections.Counter)
    seeds: set = dataclasses.field(default_factory=set)

    def print(self):
        if self.skipped:
            print("\nSkipped:")
        for case, reason in self.skipped:
            print(f"  {case}: {reason}")
        if self.failed:
            print("\nFailed:")
        for case, reason in self.failed:
            print(f"  {case}: {reason}")
        if self.tried:
            print("\nTried: " + self.sum_of_tried())
        print(f"\n{self.passed} passed, {len(self.failed)} failed, {len(self.skipped)} skipped",
              flush=True)

    def sum_of_tried(self):
        parts = [f"{self.tried[name]:,} {name.replace('_', ' ')}" for name in TRIED
                 if self.tried[name] > 0]
        seeds = f"; seeds {min(self.seeds)} to {max(self.seeds)}" if self.seeds else ""
        return ", ".join(parts) + seeds


def known_tests(folder):
    """All tests of a configured build folder."""
    info = folder / "meson-info"
    files = {}
    for target in json.loads((info / "intro-targets.json").read_text()):
        names = [pathlib.Path(name) for name in target["filename"]]
        files[target["id"]] = tuple(
            str(name.relative_to(folder)) for name in names if name.is_relative_to(folder))
    tests = []
    for test in json.loads((info / "intro-tests.json").read_text()):
        targets = tuple(name for needed in test["depends"] for name in files.get(needed, ()))
        suites = frozenset(suite.partition(":")[2] for suite in test["suite"])
        tests.append(MesonTest(test["name"], suites, test["protocol"], targets))
    return tests


def read(folder, tests):
    """Counts the cases of the last run; a test that left no record counts as failed."""
    report = Report()
    runs = {}
    for log in folder.glob("meson-logs/testlog*.json"):  # the wrapper's name is part of it
        for line in log.read_text().splitlines():
            run = json.loads(line)
            runs[run["name"].split(" / ")[-1]] = run
    for test in tests:
        if test.name not in runs:
            report.failed.append((test.name, "did not run"))
            continue
        count_test(report, folder, test, runs[test.name])
    return report


def count_test(report, folder, test, run):
    failed_before = len(report.failed)
    cases_before = report.passed + len(report.skipped)
    if test.protocol == "gtest":
        count_gtest(report, test.name, folder / f"{test.name}.xml")
    elif test.protocol == "tap":
        count_tap(report, test.name, run.get("stdout", ""))
    has_cases = report.passed + len(report.skipped) + len(report.failed) > cases_before + failed_before
    if run["result"] in ("OK", "EXPECTEDFAIL"):
        if not has_cases and test.protocol == "exitcode":
            report.passed += 1
    elif run["result"] == "SKIP":
        if not has_cases:
            report.skipped.append((test.name, last_line(run) or "no reason given"))
    elif len(report.failed) == failed_before:
        said = f": {last_line(run)}" if test.protocol == "exitcode" and last_line(run) else ""
        report.failed.append(
            (test.name, f"{run['result'].lower()}, exit status {run['returncode']}{said}"))


def count_gtest(report, name, path):
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except (FileNotFoundError, xml.etree.ElementTree.ParseError):
        return  # it died first; count_test sees the exit status
    for case in root.iter("testcase"):
        count_tried(report, case)
        label = f"{name}: {case.get('classname')}.{case.get('name')}"
        failure, skip = case.find("failure"), case.find("skipped")
        if failure is not None:
            report.failed.append((label, one_line(failure.get("message", "failed"))))
        elif skip is not None:
            report.skipped.append((label, without_place(skip.get("message", "no reason given"))))
        elif case.get("status") == "notrun":
            report.skipped.append((label, "disabled in the source"))
        else:
            report.passed += 1


def count_tried(report, case):
    for one in case.iter("property"):
        if one.get("name") in TRIED:
            report.tried[one.get("name")] += int(one.get("value"))
        elif one.get("name") in SEEDS:
            report.seeds.add(int(one.get("value")))


def count_tap(report, name, output):
    for line in output.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            continue
        is_bad, number, label, directive = match.groups()
        case = f"{name}: {label.strip() or number}"
        if directive and directive.upper().startswith("SKIP"):
            report.skipped.append((case, directive[4:].strip() or "no reason given"))
        elif is_bad:
            report.failed.append((case, "not ok"))
        else:
            report.passed += 1


def last_line(run):
    lines = (run.get("stdout", "") + "\n" + run.get("stderr", "")).strip().splitlines()
    return lines[-1].strip() if lines else ""


def one_line(text):
    return " ".join(text.split())[:200]


def without_place(message):
    """gtest puts file:line on a line of its own before the reason."""
    lines = [line for line in message.strip().splitlines() if line.strip()]
    if len(lines) > 1 and re.search(r":\d+$", lines[0]):
        lines = lines[1:]
    return one_line(" ".join(lines)) or "no reason given"
