#!/usr/bin/env python3
"""Compares the agent with rsyslog and syslog-ng: 500-byte syslog lines over TCP into a file.

    bench/peers/collectors/compare.py [--build DIR] [--dir DIR] [--json FILE] [options]

Each round measures every collector in every mode once, in another order; ratios are those of one
round. docs/benchmarks.md says how, and with which settings. Needs the agent, spillway-bench-lines,
and for the first time apt-get. Exit status 77: this machine lacks one of them.
"""

import argparse
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys

import collectors
import load
import packages
from load import Load

FINE, FAILED, SKIPPED = 0, 1, 77
ROOT = pathlib.Path(__file__).resolve().parents[3]
ATTEMPTS_PER_ROUND = 3

# What is measured: (collector, kind), and how many lines by its speed.
MODES = (("rsyslog", "memory"), ("syslog-ng", "memory"), ("spillway", "memory"), ("spillway", "file"),
         ("rsyslog", "spilling"), ("spillway", "spilling"), ("rsyslog", "synced"),
         ("rsyslog", "checkpointed"), ("spillway", "siblings"), ("spillway", "stuck"),
         ("spillway", "siblings-file"), ("spillway", "stuck-file"))
SHARE_OF_LINES = {"synced": 0.03, "checkpointed": 0.0015}


@dataclasses.dataclass(frozen=True)
class Goal:
    """Ours divided by the best of theirs."""
    what: str
    ours: tuple
    theirs: tuple
    must: float
    quantity: str = "events_per_second"

    @property
    def is_cost(self):
        return self.quantity == "cpu_us"

    def ratio(self, samples):
        """Of one round, {mode: sample}."""
        best = min if self.is_cost else max
        theirs = best(getattr(samples[mode], self.quantity) for mode in self.theirs)
        return getattr(samples[self.ours], self.quantity) / theirs

    def is_met(self, ratio):
        return ratio <= self.must if self.is_cost else ratio >= self.must


GOALS = (
    Goal("memory / the better in memory", MODES[2], MODES[0:2], 1.5),
    Goal("durable / rsyslog in memory", MODES[3], MODES[0:1], 1),
    Goal("durable, output down / rsyslog spilling", MODES[5], MODES[4:5], 2),
    Goal("durable / rsyslog synced", MODES[3], MODES[6:7], 20),
    Goal("memory, other sink stuck / it works", MODES[9], MODES[8:9], 0.95),
    Goal("durable, other sink stuck / it works", MODES[11], MODES[10:11], 0.95),
    Goal("CPU: memory / the better in memory", MODES[2], MODES[0:2], 1, "cpu_us"),
    Goal("CPU: durable / rsyslog in memory", MODES[3], MODES[0:1], 1, "cpu_us"),
    Goal("CPU: durable, output down / rsyslog spilling", MODES[5], MODES[4:5], 1, "cpu_us"),
    Goal("CPU: durable / rsyslog synced", MODES[3], MODES[6:7], 1, "cpu_us"),
)


def load_of(mode, connections, options):
    lines = int(options.lines * SHARE_OF_LINES.get(mode[1], 1))
    return Load(mode[0], mode[1], connections, lines, warm_up_lines=lines // 4)


def take_rounds(modes, measure, options):
    """([{mode: sample}], number dropped): rounds in which nobody else was busy."""
    accepted, dropped = [], 0
    while len(accepted) < options.rounds and len(accepted) + dropped < options.rounds * ATTEMPTS_PER_ROUND:
        samples = {mode: measure(mode) for mode in random.sample(modes, len(modes))}
        if max(sample.others for sample in samples.values()) <= options.others_max:
            accepted.append(samples)
        else:
            dropped += 1
            busy = ", ".join(f"{' '.join(mode)} {s.others:.2f}" for mode, s in samples.items()
                             if s.others > options.others_max)
            print(f"  dropped: others were busy ({busy} processors)", file=sys.stderr, flush=True)
    return accepted, dropped


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def mode_row(mode, connections, rounds):
    row = {"collector": mode[0], "kind": mode[1], "connections": connections}
    for field in dataclasses.fields(load.Sample):
        values = [getattr(samples[mode], field.name) for samples in rounds]
        row[field.name] = spread(values) if values[0] is not None else None
    return row


def goal_row(goal, connections, rounds):
    row = {"goal": goal.what, "connections": connections, "must": goal.must, "is_cost": goal.is_cost,
           **spread([goal.ratio(samples) for samples in rounds])}
    row["is_met"] = goal.is_met(row["median"])
    return row


def print_modes(rows):
    print(f"{'connections':>11} {'collector':<10} {'queue':<12} {'events/s':>9} {'spread':>19} {'CPU us':>7} "
          f"{'spread':>11} {'peak MiB':>9} {'drain/s':>9} {'CPU us':>7}")
    for row in rows:
        rate, cpu, drain = row["events_per_second"], row["cpu_us"], row["drain_per_second"]
        rest = f" {drain['median']:>9.0f} {row['drain_cpu_us']['median']:>7.2f}" if drain else ""
        print(f"{row['connections']:>11} {row['collector']:<10} {row['kind']:<12} {rate['median']:>9.0f} "
              f"{rate['min']:>9.0f}-{rate['max']:<9.0f} {cpu['median']:>7.2f} {cpu['min']:>5.2f}-{cpu['max']:<5.2f} "
              f"{row['peak_mib']['median']:>9.0f}{rest}")


def print_goals(rows):
    print(f"\n{'connections':>11} {'goal':<46} {'ratio':>7} {'spread':>13} {'must':>7}")
    for row in rows:
        must = f"{'<=' if row['is_cost'] else '>='} {row['must']:g}"
        print(f"{row['connections']:>11} {row['goal']:<46} {row['median']:>7.2f} {row['min']:>6.2f}-{row['max']:<6.2f} "
              f"{must:>7} {'met' if row['is_met'] else 'MISSED'}")


def host():
    return {"kernel": platform.release(), "cpus": os.cpu_count(), "load_average": os.getloadavg()[0]}


def versions(programs):
    def first_line(*command, environment=None):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False,
                              env={**os.environ, **(environment or {})})
        return (done.stdout or done.stderr).splitlines()[0]
    home = programs.syslog_ng_root / "usr/lib/syslog-ng"
    return [first_line(programs.rsyslog_root / "usr/sbin/rsyslogd", "-v"),
            first_line(programs.syslog_ng_root / "usr/sbin/syslog-ng", "--version",
                       environment={"LD_LIBRARY_PATH": str(home)})]


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build",
                        help="Meson's build directory (build)")
    parser.add_argument("--dir", type=pathlib.Path, help="where all write (the build directory)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that must count (5)")
    parser.add_argument("--lines", type=int, default=1_000_000, help="per sample (1000000)")
    parser.add_argument("--connections", type=lambda text: [int(word) for word in text.split(",")],
                        default=[1, 8], help="1,8")
    parser.add_argument("--modes", help="only these: rsyslog:memory,spillway:file")
    parser.add_argument("--others-max", type=float, default=0.25,
                        help="a round counts when everybody else took fewer processors than that (0.25)")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE")
    options = parser.parse_args(arguments)
    if options.rounds <= 0 or options.lines < 1000 or not all(1 <= n <= 100 for n in options.connections):
        parser.error("rounds from 1, lines from 1000, connections from 1 to 100")
    named = [tuple(word.split(":")) for word in (options.modes or "").split(",") if word]
    if any(mode not in MODES for mode in named):
        parser.error("modes are: " + ",".join(":".join(mode) for mode in MODES))
    options.modes = tuple(mode for mode in MODES if not named or mode in named)
    options.dir = options.dir or options.build
    return options


def tools(options):
    agent = options.build / "agent" / "spillway"
    lines = options.build / "bench" / "peers" / "spillway-bench-lines"
    for tool in (agent, lines):
        if not tool.exists():
            raise packages.Unavailable(
                f"{tool} is missing: ninja -C {options.build} {tool.relative_to(options.build)}")
    place = (options.build / "collectors").absolute()
    roots = [packages.provide(package, place) for package in (packages.RSYSLOG, packages.SYSLOG_NG)]
    return lines, collectors.Programs(agent.absolute(), *roots)


def compare(options, arguments):
    tool, programs = tools(options)
    print("\n".join(versions(programs)) + "\n", flush=True)
    folder = options.dir.absolute() / "spillway-bench-collectors"
    mode_rows, goal_rows, dropped = [], [], {}
    for connections in options.connections:
        def measure(mode, connections=connections):
            return load.measure(tool, load_of(mode, connections, options), programs, folder)
        rounds, dropped[connections] = take_rounds(options.modes, measure, options)
        if not rounds:
            raise load.LoadError("the machine was never quiet")
        mode_rows += [mode_row(mode, connections, rounds) for mode in options.modes]
        goal_rows += [goal_row(goal, connections, rounds) for goal in GOALS
                      if {goal.ours, *goal.theirs} <= set(options.modes)]
        print(f"{connections} connections: {len(rounds)} rounds, {dropped[connections]} dropped", flush=True)
    print_modes(mode_rows)
    print_goals(goal_rows)
    if options.json:
        report = {"kind": "collectors",
                  "command": " ".join(["bench/peers/collectors/compare.py", *arguments]),
                  "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                  "host": host(), "versions": versions(programs), "dropped": dropped,
                  "rows": mode_rows, "goals": goal_rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n")


def main(arguments):
    options = parse(arguments)
    try:
        compare(options, arguments)
    except packages.Unavailable as reason:
        print(f"compare.py: skipped: {reason}")
        return SKIPPED
    except (load.LoadError, collectors.CollectorError, OSError) as problem:
        print(f"compare.py: {problem}", file=sys.stderr)
        return FAILED
    return FINE


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
