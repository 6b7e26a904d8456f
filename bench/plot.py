#!/usr/bin/env python3
"""Draws the results of a benchmark: plot.py RESULTS.json… --out DIR

RESULTS.json is what --json wrote; its `kind` decides what is drawn:
  channel  throughput.svg (events per second by producers), latency.svg (percentiles by batch size)
  backlog  open_time.svg (start after a kill, by backlog)
  peers    peers.svg (events per second by store)
  goals    goals.svg (each ratio against its bounds)
  flume    flume.svg (the same, of the comparison with Flume)
  outage   outage.svg (rates and backlog over time)
  collectors  collectors.svg (events per second beside rsyslog and syslog-ng)
Needs nothing but Python.
"""

import argparse
import html
import json
import math
import pathlib
import sys

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 80, 150, 44, 56
COLORS = ("#1f5fa8", "#c4501b", "#3a8a3f", "#7b4fa3", "#8a6d1a", "#4a4a4a")

COLLECTOR_KINDS = {"memory": "in memory", "file": "durable", "spilling": "output down", "synced": "synced",
                   "checkpointed": "checkpointed"}


class PlotError(Exception):
    """The results are not what this program draws."""


def text(x, y, words, anchor="middle", size=12, turn=""):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{turn}>'
            f"{html.escape(str(words))}</text>")


def short(value):
    """1500 -> 1.5k"""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def decades(low, high):
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    return [10.0 ** e for e in range(first, max(last, first + 1) + 1)]


def steps(high):
    """Five or so round steps from 0 to at least `high`."""
    size = 10 ** math.floor(math.log10(high / 4)) if high > 0 else 1
    size *= next(f for f in (1, 2, 5, 10) if 5 * f * size >= high)
    return [size * i for i in range(math.ceil(high / size - 1e-9) + 1)]


class Chart:
    """Lines over a logarithmic x axis; y starts at 0, or is logarithmic."""

    def __init__(self, title, x_label, y_label, is_log=False):
        self.title, self.x_label, self.y_label, self.is_log = title, x_label, y_label, is_log
        self.lines = []  # (name, [(x, y)])

    def add(self, name, points):
        points = sorted((x, y) for x, y in points if x and y is not None and (y > 0 or not self.is_log))
        if points:
            self.lines.append((name, points))

    def svg(self):
        if not self.lines:
            raise PlotError(f"{self.title}: nothing was measured")
        xs = sorted({x for _, points in self.lines for x, _ in points})
        ys = [y for _, points in self.lines for _, y in points]
        ticks = decades(min(ys), max(ys)) if self.is_log else steps(max(ys))

        def at_x(x):
            low, high = math.log(xs[0]), math.log(xs[-1])
            share = (math.log(x) - low) / (high - low) if high > low else 0.5
            return LEFT + share * (WIDTH - LEFT - RIGHT)

        def at_y(y):
            if self.is_log:
                share = math.log(y / ticks[0]) / math.log(ticks[-1] / ticks[0])
            else:
                share = y / ticks[-1]
            return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

        parts = [text(LEFT, 24, self.title, "start", 15),
                 text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 14, self.x_label),
                 text(18, HEIGHT / 2, self.y_label, turn=f' transform="rotate(-90 18 {HEIGHT / 2})"')]
        for y in ticks:
            parts.append(f'<path d="M{LEFT} {at_y(y):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
            parts.append(text(LEFT - 8, at_y(y) + 4, short(y), "end"))
        for x in xs:
            parts.append(text(at_x(x), HEIGHT - BOTTOM + 18, short(x)))
        for i, (name, points) in enumerate(self.lines):
            color = COLORS[i % len(COLORS)]
            path = "L".join(f"{at_x(x):.1f} {at_y(y):.1f}" for x, y in points)
            parts.append(f'<path d="M{path}" fill="none" stroke="{color}" stroke-width="2"/>')
            parts += [f'<circle cx="{at_x(x):.1f}" cy="{at_y(y):.1f}" r="3.5" fill="{color}"/>'
                      for x, y in points]
            at = TOP + 10 + 20 * i
            parts.append(f'<path d="M{WIDTH - RIGHT + 12} {at}h18" stroke="{color}" stroke-width="3"/>')
            parts.append(text(WIDTH - RIGHT + 36, at + 4, name, "start"))
        return document(parts, WIDTH, HEIGHT)


def document(parts, width, height):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="sans-serif">\n<rect width="100%" height="100%" fill="#fff"/>\n'
            + "\n".join(parts) + "\n</svg>\n")


def values_of(rows, name):
    return sorted({row[name] for row in rows})


def draw_channel(rows):
    throughput = Chart("Durable puts", "producers", "events per second", is_log=True)
    for batch in values_of(rows, "batch"):
        throughput.add(f"batch {batch:g}", [(row["producers"], row["events_per_second"])
                                            for row in rows if row["batch"] == batch])
    latency = Chart("Commit latency", "events per batch", "microseconds", is_log=True)
    for producers in (min(values_of(rows, "producers")), max(values_of(rows, "producers"))):
        for name, field in (("p50", "p50_us"), ("p99", "p99_us"), ("p99.9", "p999_us")):
            latency.add(f"{name}, {producers:g} prod.", [(row["batch"], row[field]) for row in rows
                                                       if row["producers"] == producers])
    return {"throughput.svg": throughput.svg(), "latency.svg": latency.svg()}


def draw_backlog(rows):
    chart = Chart("Start after a kill", "events on disk", "milliseconds")
    for name, field in (("slowest", "start_ms_max"), ("median", "start_ms"), ("fastest", "start_ms_min")):
        chart.add(name, [(row["events"], row[field]) for row in rows])
    return {"open_time.svg": chart.svg()}


def draw_peers(rows):
    ending = "_events_per_second"
    chart = Chart("Durable puts beside embedded stores, batch 100", "threads", "events per second",
                  is_log=True)
    batches = values_of(rows, "batch")
    batch = 100 if 100 in batches else batches[0]
    chart.title = f"Durable puts beside embedded stores, batch {batch:g}"
    for name in [key[:-len(ending)] for key in rows[0] if key.endswith(ending)]:
        chart.add(name, [(row["threads"], row[name + ending]) for row in rows if row["batch"] == batch])
    return {"peers.svg": chart.svg()}


def reach(row):
    """How far a ratio is on the way to its bound: 1 reaches `must` (`stretch` where that is all)."""
    bound = row["stretch"] if row["must"] is None else row["must"]
    if row["sense"] == ">=":
        return row["ratio"] / bound
    return bound / row["ratio"] if row["ratio"] and bound else (2.0 if row["ratio"] <= bound else 0.1)


def bars(rows, title):
    rows = [row for row in rows if row.get("ratio") is not None and row.get("accepted")
            and not (row["must"] is None and row["stretch"] is None)]
    if not rows:
        raise PlotError(f"{title}: nothing was measured")
    height, row_height, left = TOP + 22 * len(rows) + 40, 22, 330
    width = 900
    parts = [text(16, 24, f"{title}: to the right of the line the must bound is reached (bars end at twice it)",
                  "start", 15)]
    scale = (width - left - 90) / 2
    for i, row in enumerate(rows):
        y = TOP + row_height * i
        color = {"stretch": "#3a8a3f", "must": "#1f5fa8"}.get(row["verdict"], "#c4501b")
        parts.append(text(left - 8, y + 14, f"{row['goal']} {row['what']}", "end", 11))
        parts.append(f'<rect x="{left}" y="{y + 3}" width="{scale * min(reach(row), 2):.1f}" height="14" '
                     f'fill="{color}"/>')
        parts.append(text(width - 82, y + 14, f"{row['ratio']:.3g} {row['verdict']}", "start", 11))
    parts.append(f'<path d="M{left + scale:.1f} {TOP}V{TOP + row_height * len(rows)}" stroke="#222"/>')
    return document(parts, width, height)


def draw_goals(rows):
    return {"goals.svg": bars(rows, "Goals")}


def draw_flume(rows):
    return {"flume.svg": bars(rows, "Flume 1.11")}


def collector_bar(row, y, left, at_x):
    rate = row["events_per_second"]
    color = COLORS[0] if row["collector"] == "spillway" else COLORS[5]
    return [text(left - 8, y + 13, f"{row['collector']}, {COLLECTOR_KINDS[row['kind']]}", "end", 11),
            f'<rect x="{left}" y="{y + 3}" width="{at_x(rate["median"]) - left:.1f}" height="13" fill="{color}"/>',
            f'<path d="M{at_x(rate["min"]):.1f} {y + 9.5}H{at_x(rate["max"]):.1f}" '
            f'stroke="{COLORS[1]}" stroke-width="2"/>',
            text(WIDTH - RIGHT + 12, y + 14, f"{rate['median']:,.0f}".replace(",", " "), "start", 11)]


def draw_collectors(rows):
    rows = [row for row in rows if row["kind"] in COLLECTOR_KINDS]
    if not rows:
        raise PlotError("nothing that is drawn was measured")
    rates = [row["events_per_second"] for row in rows]
    ticks = decades(min(rate["min"] for rate in rates), max(rate["max"] for rate in rates))
    left, row_height, title_height = 230, 22, 34

    def at_x(rate):
        return left + math.log(rate / ticks[0]) / math.log(ticks[-1] / ticks[0]) * (WIDTH - left - RIGHT)

    parts, y = [], TOP
    for number in values_of(rows, "connections"):
        parts.append(text(16, y + 20, f"{number:g} connection{'s' if number > 1 else ''}", "start", 13))
        y += title_height
        for row in rows:
            if row["connections"] == number:
                parts += collector_bar(row, y, left, at_x)
                y += row_height
    axis = [text(16, 24, "500-byte lines over TCP into a file: events per second, median and spread", "start", 15)]
    for tick in ticks:
        axis.append(f'<path d="M{at_x(tick):.1f} {TOP}V{y + 4}" stroke="#ddd"/>')
        axis.append(text(at_x(tick), y + 22, short(tick), size=11))
    return {"collectors.svg": document(axis + parts, WIDTH, y + 40)}


def panel(parts, top, title, xs, lines):
    """Lines over time, one panel of a picture; lines are (name, values)."""
    height, right = 170, WIDTH - RIGHT
    ticks = steps(max(max(values) for _, values in lines) or 1)
    marks = steps(xs[-1])

    def at_x(x):
        return LEFT + x / max(marks[-1], xs[-1]) * (right - LEFT)

    def at_y(y):
        return top + height - y / ticks[-1] * height

    parts.append(text(LEFT, top - 10, title, "start", 13))
    for y in ticks:
        parts.append(f'<path d="M{LEFT} {at_y(y):.1f}H{right}" stroke="#ddd"/>')
        parts.append(text(LEFT - 8, at_y(y) + 4, short(y), "end", 11))
    for x in marks:
        parts.append(text(at_x(x), top + height + 16, short(x), size=11))
    for i, (name, values) in enumerate(lines):
        path = "L".join(f"{at_x(x):.1f} {at_y(y):.1f}" for x, y in zip(xs, values))
        parts.append(f'<path d="M{path}" fill="none" stroke="{COLORS[i]}" stroke-width="1.5"/>')
        at = top + 10 + 20 * i
        parts.append(f'<path d="M{right + 12} {at}h18" stroke="{COLORS[i]}" stroke-width="3"/>')
        parts.append(text(right + 36, at + 4, name, "start"))


def draw_outage(rows):
    row = rows[-1]
    xs, parts = row["at_seconds"], []
    if not xs:
        raise PlotError("nothing was measured")
    panel(parts, 50, "MB/s", xs, [("put", row["put_rate"]), ("taken", row["taken_rate"])])
    panel(parts, 280, "events that wait", xs, [("on disk", row["log_events"]),
                                              ("in memory", row["memory_events"])])
    panel(parts, 510, "resident memory, MiB", xs, [("process", row["resident_mib"])])
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, 724, "seconds"))
    return {"outage.svg": document(parts, WIDTH, 740)}


DRAWERS = {"channel": draw_channel, "backlog": draw_backlog, "peers": draw_peers, "goals": draw_goals,
           "flume": draw_flume, "outage": draw_outage, "collectors": draw_collectors}


def draw(report):
    """{file name: SVG} of one report."""
    drawer = DRAWERS.get(report.get("kind"))
    if drawer is None:
        raise PlotError(f"kind {report.get('kind')!r}: there are {', '.join(DRAWERS)}")
    if not report.get("rows"):
        raise PlotError("no rows")
    try:
        return drawer(report["rows"])
    except KeyError as missing:
        raise PlotError(f"a row lacks {missing}") from missing


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="+", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("."))
    options = parser.parse_args(arguments)
    for path in options.results:
        try:
            drawings = draw(json.loads(path.read_text()))
        except (OSError, ValueError, PlotError) as problem:
            print(f"plot.py: {path}: {problem}", file=sys.stderr)
            return 1
        options.out.mkdir(parents=True, exist_ok=True)
        for name, svg in drawings.items():
            (options.out / name).write_text(svg)
            print(options.out / name)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
