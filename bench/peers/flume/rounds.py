"""Which rounds count and what they say: the protocol of docs/benchmarks.md for two programs."""

import dataclasses
import statistics
import time

CONTROL_MILLIS = 250
SLOWNESS_MAX = 2
ATTEMPTS_PER_ROUND = 3


@dataclasses.dataclass(frozen=True)
class Cell:
    """One line of the table. Without bounds it is there for information."""
    operation: str  # "put" or "take"
    threads: int
    batch: int
    must: float | None
    stretch: float | None
    acks: str = "strict"  # ours: when the commit of a take returns

    @property
    def what(self):
        return f"{self.operation} {self.threads} x {self.batch}" + (
            f", {self.acks} acks" if self.operation == "take" else "")


@dataclasses.dataclass(frozen=True)
class Round:
    """What both did between two controls (p50 in microseconds)."""
    before: float
    after: float
    ours: dict
    theirs: dict

    @property
    def ratio(self):
        return self.ours["events_per_second"] / self.theirs["events_per_second"]


class Control:
    """The bare device, measured by `measure(millis) -> p50`; remembers its best."""

    def __init__(self, measure):
        self.measure = measure
        self.best = float("inf")

    def take(self):
        p50 = self.measure(CONTROL_MILLIS)
        self.best = min(self.best, p50)
        return p50


def accept(rounds, best):
    """The rounds in which the device was not in a slow phase."""
    return [r for r in rounds if max(r.before, r.after) <= SLOWNESS_MAX * best]


def take_rounds(control, measure, wanted, seconds_max, now=time.monotonic):
    """(accepted, number dropped). `measure(index)` returns the answers of ours and theirs."""
    rounds, accepted = [], []
    started = now()
    before = control.take()
    while (len(accepted) < wanted and len(rounds) < wanted * ATTEMPTS_PER_ROUND
           and now() - started < seconds_max):
        ours, theirs = measure(len(rounds))
        after = control.take()
        rounds.append(Round(before, after, ours, theirs))
        before = after
        accepted = accept(rounds, control.best)
    return accepted, len(rounds) - len(accepted)


def judge(cell, ratio):
    """As the goals of `spillway bench`."""
    if cell.must is None:
        return "-"
    if ratio is None:
        return "not measured"
    if ratio >= cell.stretch:
        return "stretch"
    return "must" if ratio >= cell.must else "missed"


def row_of(cell, event_bytes, accepted, dropped):
    """A row of the report; no numbers where the device was never quiet."""
    row = {"goal": "G20", "what": cell.what, "operation": cell.operation, "threads": cell.threads,
           "batch": cell.batch, "event_bytes": event_bytes,
           "acks": cell.acks if cell.operation == "take" else None}

    def add(name, values):
        row[name] = statistics.median(values) if values else None
        row[f"{name}_min"] = min(values, default=None)
        row[f"{name}_max"] = max(values, default=None)

    for name, answers in (("spillway", [r.ours for r in accepted]),
                          ("flume", [r.theirs for r in accepted])):
        for quantity in ("events_per_second", "p50_us", "p99_us"):
            add(f"{name}_{quantity}", [answer[quantity] for answer in answers])
    add("ratio", [r.ratio for r in accepted])
    row.update(sense=">=", must=cell.must, stretch=cell.stretch, accepted=len(accepted),
               dropped=dropped, verdict=judge(cell, row["ratio"]))
    return row


LINE = "{:<24} {:>11} {:>11} {:>17} {:>17} {:>7} {:>13} {:>5} {:>8} {:<12} {:>6}"


def header():
    return LINE.format("threads x batch", "spillway/s", "flume/s", "spillway p50/p99", "flume p50/p99",
                       "ratio", "spread", "must", "stretch", "verdict", "ok/out")


def line_of(row):
    """A line of the table."""
    if row["ratio"] is None:
        return f"{row['what']:<24} not measured: the device was never quiet, {row['dropped']} dropped"

    def latencies(name):
        return f"{row[name + '_p50_us']:.0f}/{row[name + '_p99_us']:.0f} us"

    def bound(value):
        return "-" if value is None else f"{value:g}"

    return LINE.format(
        row["what"], f"{row['spillway_events_per_second']:.0f}", f"{row['flume_events_per_second']:.0f}",
        latencies("spillway"), latencies("flume"), f"{row['ratio']:.1f}",
        f"{row['ratio_min']:.1f}-{row['ratio_max']:.1f}", bound(row["must"]), bound(row["stretch"]),
        row["verdict"], f"{row['accepted']}/{row['dropped']}")
