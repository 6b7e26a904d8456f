#!/usr/bin/env python3
"""Instructions per event for put and take, counted by callgrind: the same on every machine and day.

    bench/instructions.py [--build DIR] [--events N]

Runs build/bench/instructions_load with N and with 2 N events; the difference is without start and
stop. A take is what a run with takes executes beyond one without. User space only: what the kernel
does for a write is not in it. Exit status 77: valgrind is missing.
"""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

BATCHES = (1, 100)
SKIPPED = 77


class CountError(Exception):
    """A run failed or told nothing."""


def total_of(profile):
    """Instructions of a callgrind profile."""
    match = re.search(r"^(?:totals|summary):\s*(\d+)", profile, re.MULTILINE)
    if match is None:
        raise CountError("the profile has no total")
    return int(match.group(1))


def count(load, kind, batch, events):
    """Instructions of one run of the workload."""
    with tempfile.TemporaryDirectory() as folder:
        profile = pathlib.Path(folder) / "profile"
        done = subprocess.run(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", load,
             f"{folder}/channel", kind, str(batch), str(events)],
            capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise CountError(f"{load} {kind} {batch} {events}: {done.stderr.strip()[-500:]}")
        return total_of(profile.read_text())


def per_event(counter, batch, events):
    """(put, take) from four runs of `counter(kind, batch, events)`."""
    grown = {kind: counter(kind, batch, 2 * events) - counter(kind, batch, events)
             for kind in ("put", "take")}
    return grown["put"] / events, (grown["take"] - grown["put"]) / events


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parents[1] / "build")
    parser.add_argument("--events", type=int, default=2000)
    options = parser.parse_args(arguments)
    load = options.build / "bench" / "instructions_load"
    if shutil.which("valgrind") is None:
        print("instructions.py: skipped: valgrind is missing (.ci/install bench)")
        return SKIPPED
    if not load.exists():
        print(f"instructions.py: {load} is missing: ninja -C {options.build} bench/instructions_load",
              file=sys.stderr)
        return 1
    print(f"{'batch':>6} {'put':>8} {'take':>8}  instructions per 500-byte event")
    for batch in BATCHES:
        try:
            put, take = per_event(lambda *run: count(load, *run), batch, options.events)
        except CountError as problem:
            print(f"instructions.py: {problem}", file=sys.stderr)
            return 1
        print(f"{batch:>6} {put:>8.0f} {take:>8.0f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
