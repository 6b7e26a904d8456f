#!/usr/bin/env python3
"""Compares our file channel with that of Java Flume 1.11 on the same disk, in one run (goal G20).

    bench/peers/flume/compare.py [--build DIR] [--dir DIR] [--json FILE] [options]

Each round measures both, one after the other, between two controls of the device, and each begins
with the other one; the ratio is that of one round. docs/benchmarks.md says how, and with which
settings. Needs spillway-bench-load, Java and, for the first time, Maven and the network. Exit status
77: this machine lacks one of them.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import time

import jars
import load
import rounds
from rounds import Cell

FINE, FAILED, SKIPPED = 0, 1, 77
ROOT = pathlib.Path(__file__).resolve().parents[3]
SOURCE = pathlib.Path(__file__).with_name("FlumeLoad.java")
JAVA_OPTIONS = ("-Xms2g", "-Xmx2g", "-XX:+AlwaysPreTouch")
EVENT_BYTES = 500
BACKLOG_EVENTS = 400_000
CELLS = (Cell("put", 1, 1, 2, 2.3), Cell("put", 1, 100, 8, 12), Cell("put", 1, 1000, 8, 15),
         Cell("put", 8, 100, 15, 40), Cell("take", 1, 100, 8, 15),
         Cell("take", 1, 100, None, None, acks="lazy"))


def tool(name):
    path = shutil.which(name)
    if path is None:
        raise jars.Unavailable(f"{name} is missing (.ci/install bench)")
    return path


def compile_load(class_path, folder):
    """Compiles FlumeLoad; the class path with it."""
    folder.mkdir(parents=True, exist_ok=True)
    compiled = folder / "FlumeLoad.class"
    if not compiled.exists() or compiled.stat().st_mtime < SOURCE.stat().st_mtime:
        done = subprocess.run([tool("javac"), "-Xlint:all", "-Werror", "-cp", class_path, "-d", folder,
                               SOURCE], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise load.LoadError(f"javac: {(done.stdout + done.stderr).strip()[-2000:]}")
    return f"{folder}:{class_path}"


def java_version():
    done = subprocess.run([tool("java"), "-version"], capture_output=True, text=True, check=True)
    return (done.stderr or done.stdout).splitlines()[0]


def command_of(cell, millis):
    if cell.operation == "put":
        return ("put", cell.threads, cell.batch, EVENT_BYTES, millis)
    return ("take", cell.batch, EVENT_BYTES, millis, BACKLOG_EVENTS)


def warm_up(peer, command, seconds):
    """The same load, uncounted, until the time is over."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        peer.ask(*command)


def measure_cell(cell, control, ours, theirs, options):
    """The report's row."""
    command = command_of(cell, options.sample_millis)
    for peer in (theirs, ours):
        warm_up(peer, command, options.warm_up_seconds)

    def measure(index):
        answers = {}
        for peer in (ours, theirs) if index % 2 == 0 else (theirs, ours):
            answers[peer.name] = peer.ask(*command)
        return answers[ours.name], answers[theirs.name]

    accepted, dropped = rounds.take_rounds(control, measure, options.samples, options.cell_seconds_max)
    return rounds.row_of(cell, EVENT_BYTES, accepted, dropped)


def measure_all(cells, work, class_path, options):
    """One row after the other."""
    binary = options.build / "bench" / "peers" / "spillway-bench-load"
    with contextlib.ExitStack() as stack:
        device = stack.enter_context(load.Load("control", (binary, work, "strict"), work / "control.log"))
        theirs = stack.enter_context(load.Load(
            "flume", (tool("java"), *JAVA_OPTIONS, "-cp", class_path, "FlumeLoad", work / "flume"),
            work / "flume.log"))
        control = rounds.Control(lambda millis: device.ask("control", millis)["p50_us"])
        for cell in cells:
            # A fresh process of ours: its channel differs by cell, and it needs no compiling.
            with load.Load("spillway", (binary, work / "spillway", cell.acks),
                           work / "spillway.log") as ours:
                yield measure_cell(cell, control, ours, theirs, options)


def report_of(rows, arguments):
    """In the shape of bench/report_file.h."""
    flume = next(jar for jar in jars.read_list(jars.LIST.read_text())
                 if jar.artifact == "flume-file-channel")
    return {"kind": "flume",
            "command": " ".join(["bench/peers/flume/compare.py", *arguments]),
            "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "host": {"kernel": platform.release(), "cpus": os.cpu_count(),
                     "load_average": os.getloadavg()[0]},
            "flume": flume.version, "java": java_version(), "java_options": list(JAVA_OPTIONS),
            "rows": rows}


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build",
                        help="Meson's build directory (build)")
    parser.add_argument("--dir", type=pathlib.Path, help="where both write (the build directory)")
    parser.add_argument("--jars", type=pathlib.Path, help="where the jars are kept (BUILD/flume/jars)")
    parser.add_argument("--samples", type=int, default=7, help="rounds that must count, per line (7)")
    parser.add_argument("--sample-millis", type=int, default=500)
    parser.add_argument("--warm-up-seconds", type=float, default=5, help="per line and program (5)")
    parser.add_argument("--cell-seconds-max", type=float, default=120, help="gives up on a line (120)")
    parser.add_argument("--only", choices=sorted({c.operation for c in CELLS}), help="puts or takes")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    parser.add_argument("--fetch-only", action="store_true", help="fetches and compiles, then ends")
    options = parser.parse_args(arguments)
    for name in ("samples", "sample_millis", "cell_seconds_max"):
        if getattr(options, name) <= 0:
            parser.error(f"--{name.replace('_', '-')}: a number above 0 is wanted")
    options.dir = options.dir or options.build
    options.jars = options.jars or options.build / "flume" / "jars"
    return options


def compare(options, arguments):
    for name in ("java", "javac"):
        tool(name)
    class_path = compile_load(
        jars.provide(jars.read_list(jars.LIST.read_text()), options.jars.absolute()),
        (options.build / "flume" / "classes").absolute())
    if options.fetch_only:
        return
    work = options.dir.absolute() / "spillway-bench-flume"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    rows = []
    try:
        print(f"{EVENT_BYTES} bytes per event; events per second, every commit durable\n\n"
              f"{rounds.header()}", flush=True)
        cells = [c for c in CELLS if options.only in (None, c.operation)]
        for row in measure_all(cells, work, class_path, options):
            print(rounds.line_of(row), flush=True)
            rows.append(row)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if options.json:
        options.json.write_text(json.dumps(report_of(rows, arguments), indent=1) + "\n")


def main(arguments):
    options = parse(arguments)
    try:
        binary = options.build / "bench" / "peers" / "spillway-bench-load"
        if not binary.exists():
            raise jars.Unavailable(
                f"{binary} is missing: ninja -C {options.build} bench/peers/spillway-bench-load")
        compare(options, arguments)
    except jars.Unavailable as reason:
        print(f"compare.py: skipped: {reason}")
        return SKIPPED
    except (jars.JarError, load.LoadError, OSError) as problem:
        print(f"compare.py: {problem}", file=sys.stderr)
        return FAILED
    return FINE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
