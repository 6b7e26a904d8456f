#!/usr/bin/env python3
"""What the agent costs before it has anything to do: start, resident memory, idle processor time.

    bench/peers/collectors/idle.py [--build DIR] [--dir DIR] [--starts N] [--seconds N] [--peers]

Each program waits for syslog lines over TCP, with a queue on disk. Started is who accepts connections:
our source starts last, when its channel and sink have. --peers: rsyslog and syslog-ng, too. Exit status
77: something is missing.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import time

import collectors
import compare
import load
import packages

GOALS = {"start_ms": 50, "rss_mib": 25, "cpu_percent": 0.1}


def processor_seconds(pid):
    """Of all threads, to the nanosecond."""
    nanoseconds = 0
    for path in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat"):
        nanoseconds += int(path.read_text().split()[0])
    return nanoseconds / 1e9


def resident_mib(pid):
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def start_seconds(name, kind, programs, place):
    began = time.monotonic()
    with collectors.Running(name, kind, programs, place, pause=0.0002):
        return time.monotonic() - began


def idle(name, kind, programs, place, seconds):
    """(MiB, percent of a processor) after some traffic-free time."""
    with collectors.Running(name, kind, programs, place) as running:
        pid = running.process.pid
        time.sleep(1)
        before = processor_seconds(pid)
        time.sleep(seconds)
        return resident_mib(pid), 100 * (processor_seconds(pid) - before) / seconds


def measure(name, kind, programs, folder, options):
    """The row: the first start makes the queue, the others find it."""
    shutil.rmtree(folder, ignore_errors=True)
    place = collectors.Place(folder, collectors.free_port())
    place.output.mkdir(parents=True)
    try:
        first = start_seconds(name, kind, programs, place)
        starts = [start_seconds(name, kind, programs, place) for _ in range(options.starts)]
        rss, cpu = idle(name, kind, programs, place, options.seconds)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {"first_ms": first * 1e3, "start_ms": statistics.median(starts) * 1e3,
            "start_min_ms": min(starts) * 1e3, "start_max_ms": max(starts) * 1e3,
            "rss_mib": rss, "cpu_percent": cpu}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=compare.ROOT / "build")
    parser.add_argument("--dir", type=pathlib.Path, help="where all write (the build directory)")
    parser.add_argument("--starts", type=int, default=20, help="with a queue that exists (20)")
    parser.add_argument("--seconds", type=float, default=30, help="of idling (30)")
    parser.add_argument("--peers", action="store_true")
    options = parser.parse_args(arguments)
    if options.starts <= 0 or options.seconds <= 0:
        parser.error("--starts and --seconds: a number above 0 is wanted")
    options.dir = options.dir or options.build
    return options


def report(options):
    """Prints the rows; are our goals met?"""
    _, programs = compare.tools(options)
    folder = options.dir.absolute() / "spillway-bench-idle"
    modes = [("spillway", "file")] + [(n, "memory") for n in ("rsyslog", "syslog-ng") if options.peers]
    print(f"{'collector':<10} {'queue':<7} {'first ms':>9} {'start ms':>9} {'spread':>13} {'RSS MiB':>8} {'CPU %':>7}")
    is_met = True
    for name, kind in modes:
        row = measure(name, kind, programs, folder, options)
        missed = [goal for goal, most in GOALS.items() if row[goal] > most and name == "spillway"]
        is_met = is_met and not missed
        print(f"{name:<10} {kind:<7} {row['first_ms']:>9.1f} {row['start_ms']:>9.1f} "
              f"{row['start_min_ms']:>6.1f}-{row['start_max_ms']:<6.1f} {row['rss_mib']:>8.1f} "
              f"{row['cpu_percent']:>7.3f}" + (f"  MISSED: {', '.join(missed)}" if missed else ""), flush=True)
    return is_met


def main(arguments):
    options = parse(arguments)
    try:
        return compare.FINE if report(options) else compare.FAILED
    except packages.Unavailable as reason:
        print(f"idle.py: skipped: {reason}")
        return compare.SKIPPED
    except (load.LoadError, collectors.CollectorError, OSError) as problem:
        print(f"idle.py: {problem}", file=sys.stderr)
        return compare.FAILED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
