#!/usr/bin/env python3
"""Runs the libFuzzer targets in turns until each has had its CPU time, and says what each did.

  CXX=clang++-14 meson setup build/fuzz -Dfuzz=true -Dbench=false -Db_sanitize=address,undefined
  ninja -C build/fuzz fuzzers
  tests/fuzz/fuzz_hours.py --minutes 60 --state ~/fuzz [TARGET…]

Time is counted as CPU time of the fuzzer, so that a busy machine takes longer and shows no less.
The state folder keeps each target's corpus, what it found and the times, so that a run goes on
where the last one was stopped. The exit status is 1 when something was found.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import threading

HERE = pathlib.Path(__file__).resolve().parent
SLICE_SECONDS = 120
SHARED_CORPUS = {  # as in meson.build
    "file_channel": "directory", "manifest_store": "directory", "recovery": "directory",
    "segment_scan": "directory", "line_splitter": "netcat_lines"}


class Ledger:
    """CPU seconds, inputs and finds of every target, in <state>/ledger.json."""

    def __init__(self, state):
        self._path = state / "ledger.json"
        self._lock = threading.Lock()
        self._rows = json.loads(self._path.read_text()) if self._path.exists() else {}

    def row(self, target):
        return self._rows.setdefault(target, {"cpu_seconds": 0, "inputs": 0, "edges": 0})

    def add(self, target, cpu_seconds, inputs, edges):
        with self._lock:
            row = self.row(target)
            row["cpu_seconds"] += cpu_seconds
            row["inputs"] += inputs
            row["edges"] = max(row["edges"], edges)
            temporary = self._path.with_suffix(".new")
            temporary.write_text(json.dumps(self._rows, indent=1))
            temporary.replace(self._path)


def run_slice(target, args, ledger):
    """One slice of one target."""
    folder = args.state / target
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    seeds = HERE / "corpus" / SHARED_CORPUS.get(target, target)
    command = [args.build / "tests/fuzz" / f"{target}_libfuzzer",
               f"-max_total_time={SLICE_SECONDS}", "-timeout=60", "-rss_limit_mb=4096",
               "-print_final_stats=1", f"-artifact_prefix={folder}/", corpus, seeds]
    with open(folder / "last.log", "w+", encoding="utf-8", errors="replace") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = status
        log.seek(0)
        text = log.read()
    inputs = re.findall(r"stat::number_of_executed_units: (\d+)", text)
    edges = re.findall(r"cov: (\d+)", text)
    if status != 0:
        (folder / f"found-{int(ledger.row(target)['inputs'])}.log").write_text(text)
        print(f"{target}: ended with status {status}; see {folder}", flush=True)
    ledger.add(target, usage.ru_utime + usage.ru_stime, int(inputs[-1]) if inputs else 0,
               int(edges[-1]) if edges else 0)


def finds(args, target):
    return sorted(path.name for path in (args.state / target).glob("*")
                  if path.name.startswith(("crash-", "leak-", "timeout-", "oom-")))


def table(args, ledger, targets):
    print("| target | CPU minutes | inputs | edges | found |\n|---|---|---|---|---|")
    for target in targets:
        row = ledger.row(target)
        print(f"| `{target}` | {row['cpu_seconds'] / 60:.0f} | {row['inputs']:,} | {row['edges']:,} "
              f"| {len(finds(args, target))} |".replace(",", " "))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent.parent / "build/fuzz")
    parser.add_argument("--state", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=60, help="CPU time per target")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("targets", nargs="*", help="default: all that are built")
    args = parser.parse_args()
    built = sorted(path.name.removesuffix("_libfuzzer")
                   for path in (args.build / "tests/fuzz").glob("*_libfuzzer"))
    unknown = set(args.targets) - set(built)
    if unknown or not built:
        sys.exit(f"fuzz_hours: not built in {args.build}: {', '.join(sorted(unknown)) or 'any target'}")
    targets = args.targets or built
    args.state.mkdir(parents=True, exist_ok=True)
    ledger = Ledger(args.state)
    while True:
        left = [t for t in targets if ledger.row(t)["cpu_seconds"] < 60 * args.minutes]
        if not left:
            break
        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            list(pool.map(lambda target: run_slice(target, args, ledger), left))
    table(args, ledger, targets)
    sys.exit(1 if any(finds(args, target) for target in targets) else 0)


if __name__ == "__main__":
    main()
