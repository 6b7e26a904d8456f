#!/usr/bin/env python3
"""Builds, runs and counts the tests: the body of ./test. docs/testing.md."""

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import sys

import coverage_report
import test_report

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What AddressSanitizer can judge: the suites that run our code in their own process.
IN_PROCESS_SUITES = {"unit", "contract", "model"}


@dataclasses.dataclass(frozen=True)
class Profile:
    """One build folder and how its tests run."""

    folder: str
    packages: str = "test"
    compiler: str = ""
    options: tuple = ()
    suites: frozenset = frozenset()  # empty: all
    wrapper: tuple = ()
    timeout_factor: int = 1
    env: dict = dataclasses.field(default_factory=dict)

    @property
    def compiles_all(self):
        return not self.suites


SANITIZED = ("-Dbuildtype=debugoptimized", "-Doptimization=1", "-Dbench=false")
PROFILES = {
    "plain": Profile("build"),
    "clang": Profile("build-clang", "ci", "clang++-14"),
    "asan": Profile(
        "build-asan", "ci", "clang++-14", SANITIZED + ("-Db_sanitize=address,undefined",),
        frozenset(IN_PROCESS_SUITES), (), 5,
        {"ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
         "UBSAN_OPTIONS": "print_stacktrace=1"}),
    # ThreadSanitizer of clang 14 gives up under strong address randomization.
    "tsan": Profile(
        "build-tsan", "ci", "clang++-14", SANITIZED + ("-Db_sanitize=thread",),
        frozenset({"threads"}), ("setarch", "-R"), 10,
        {"TSAN_OPTIONS": f"second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp"}),
    # A file per process: some run as another user, who cannot write into the files of others.
    "coverage": Profile(
        "build-coverage", "ci", "clang++-14",
        ("-Doptimization=1", "-Dbench=false", "-Dcpp_args=-fprofile-instr-generate -fcoverage-mapping",
         "-Dcpp_link_args=-fprofile-instr-generate"),
        frozenset(IN_PROCESS_SUITES), (), 5,
        {"LLVM_PROFILE_FILE": f"{ROOT}/build-coverage/profiles/%p.profraw"}),
}


def parse_arguments(argv):
    parser = argparse.ArgumentParser(
        prog="./test", description="Build and run the tests; without options all but the long ones.")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--asan", dest="profile", action="store_const", const="asan",
                       help="with AddressSanitizer and UBSan, in build-asan")
    which.add_argument("--tsan", dest="profile", action="store_const", const="tsan",
                       help="with ThreadSanitizer, in build-tsan")
    which.add_argument("--clang", dest="profile", action="store_const", const="clang",
                       help="compiled by clang, in build-clang")
    which.add_argument("--coverage", dest="profile", action="store_const", const="coverage",
                       help="say what share of the engine's branches was taken, in build-coverage")
    which.add_argument("--tidy", action="store_true",
                       help="run clang-tidy instead, on the files changed since main "
                            "(on all with --long)")
    parser.add_argument("--long", action="store_true", help="the suite `long` too")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("names", nargs="*", metavar="NAME",
                        help="only tests whose name or suite contains NAME")
    parser.set_defaults(profile="plain")
    return parser.parse_args(argv)


def build(profile, targets):
    """Configures and builds; exits when that fails, since then there is nothing to count."""
    env = {**os.environ, **profile.env}
    if profile.compiler:
        # Meson adds ccache only to the compiler it finds by itself.
        env["CXX"] = ("ccache " if shutil.which("ccache") else "") + profile.compiler
    command = [str(ROOT / ".ci/build"), profile.packages, profile.folder, *profile.options, *targets]
    if subprocess.run(command, env=env, check=False).returncode != 0:
        print("test: the build failed")
        print("0 passed, 1 failed, 0 skipped")
        sys.exit(1)


def select(tests, profile, arguments):
    """The meson tests that this run is about."""
    chosen = []
    for test in tests:
        is_named = any(name in test.name or name in test.suites for name in arguments.names)
        is_in_profile = not profile.suites or profile.suites & test.suites
        is_wanted = arguments.long or "long" not in test.suites or \
            any("long" in name for name in arguments.names)
        if is_wanted and (is_named or (not arguments.names and is_in_profile)):
            chosen.append(test)
    return chosen


def run_meson(profile, folder, chosen):
    """Runs the tests; what they did is read from the files that Meson leaves."""
    for stale in [*folder.glob("*.xml"), *folder.glob("meson-logs/testlog*.json")]:
        stale.unlink()
    command = ["meson", "test", "-C", str(folder), "--no-rebuild", "--print-errorlogs",
               "--timeout-multiplier", str(profile.timeout_factor)]
    wrapper = [shutil.which(profile.wrapper[0]), *profile.wrapper[1:]] if profile.wrapper else []
    if wrapper and wrapper[0] and subprocess.run([*wrapper, "true"], check=False).returncode == 0:
        command += ["--wrapper", " ".join(wrapper)]
    env = {**os.environ, **profile.env, "GTEST_BRIEF": "1"}
    command += [test.name for test in chosen]
    return subprocess.run(command, env=env, check=False).returncode


def make_profiles(folder):
    """An empty folder that every user may write to."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    folder.chmod(0o777)


def add_coverage(report, folder, chosen, is_all):
    """A part of the tests cannot be blamed for what it leaves out."""
    programs = sorted({str(folder / name) for test in chosen if test.protocol == "gtest"
                       for name in test.targets if name.endswith("_test")})
    print()
    complaints = coverage_report.report(ROOT, folder, programs)
    if is_all:
        report.failed += [("coverage", complaint) for complaint in complaints]


def main(argv):
    arguments = parse_arguments(argv)
    if arguments.tidy:
        command = [sys.executable, str(ROOT / "tests/tidy/run_clang_tidy.py")]
        sys.exit(subprocess.run(command + (["--all"] if arguments.long else []), check=False).returncode)
    profile = PROFILES[arguments.profile]
    folder = ROOT / profile.folder
    build(profile, ["build.ninja"])
    chosen = select(test_report.known_tests(folder), profile, arguments)
    if arguments.list:
        for test in chosen:
            print(test.name, *sorted(test.suites))
        return 0
    if not chosen:
        print(f"test: nothing matches {' '.join(arguments.names)}; ./test --list prints the names",
              file=sys.stderr)
        return 2
    # All of it in the usual run, so that nothing stops compiling unnoticed; else what is needed.
    is_all = profile.compiles_all and not arguments.names
    build(profile, [] if is_all else sorted({name for test in chosen for name in test.targets}))
    if arguments.profile == "coverage":
        make_profiles(folder / "profiles")
    status = run_meson(profile, folder, chosen)
    report = test_report.read(folder, chosen)
    if status != 0 and not report.failed:
        report.failed.append(("meson test", f"exit status {status}"))
    if arguments.profile == "coverage":
        add_coverage(report, folder, chosen, not arguments.names)
    report.print()
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
