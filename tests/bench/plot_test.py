"""Stored results become SVG files that show every series; what cannot be drawn is refused by name."""

import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
PLOT = ROOT / "bench" / "plot.py"
SPEC = importlib.util.spec_from_file_location("plot", PLOT)
plot = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(plot)

CHANNEL = {"kind": "channel", "rows": [
    {"producers": p, "batch": b, "events_per_second": 1000.0 * p * b, "p50_us": 40.0 + p,
     "p99_us": 90.0 * p, "p999_us": 300.0 * b} for p in (1, 16) for b in (1, 100)]}
BACKLOG = {"kind": "backlog", "rows": [
    {"events": n, "start_ms": 10.0, "start_ms_min": 9.0, "start_ms_max": 12.5} for n in (10**6, 10**8)]}
GOALS = {"kind": "goals", "rows": [
    {"goal": "G1", "what": "commits <1>", "sense": ">=", "must": 0.8, "stretch": 0.95, "ratio": 0.9,
     "accepted": 7, "verdict": "must"},
    {"goal": "G13", "what": "reads", "sense": "<=", "must": 0, "stretch": None, "ratio": 0,
     "accepted": 7, "verdict": "must"},
    {"goal": "G6", "what": "later", "verdict": "not measured", "why_not": "no"}]}
PEERS = {"kind": "peers", "rows": [
    {"threads": t, "batch": 100, "spillway_events_per_second": 2e6, "lmdb_events_per_second": 4e5}
    for t in (1, 8)]}


def words_of(svg):
    return [e.text for e in xml.etree.ElementTree.fromstring(svg).iter() if e.tag.endswith("text")]


class PlotTest(unittest.TestCase):
    def test_channel_results_give_throughput_and_latency(self):
        drawn = plot.draw(CHANNEL)
        self.assertEqual(sorted(drawn), ["latency.svg", "throughput.svg"])
        self.assertIn("batch 100", words_of(drawn["throughput.svg"]))
        self.assertIn("p99.9, 16 prod.", words_of(drawn["latency.svg"]))

    def test_every_point_is_drawn_inside_the_picture(self):
        root = xml.etree.ElementTree.fromstring(plot.draw(CHANNEL)["throughput.svg"])
        circles = [e for e in root.iter() if e.tag.endswith("circle")]
        self.assertEqual(len(circles), 4)
        for circle in circles:
            self.assertTrue(plot.LEFT <= float(circle.get("cx")) <= plot.WIDTH - plot.RIGHT)
            self.assertTrue(plot.TOP <= float(circle.get("cy")) <= plot.HEIGHT - plot.BOTTOM)

    def test_more_is_higher(self):
        root = xml.etree.ElementTree.fromstring(plot.draw(CHANNEL)["throughput.svg"])
        heights = [float(e.get("cy")) for e in root.iter() if e.tag.endswith("circle")]
        self.assertLess(heights[1], heights[0])  # SVG counts from the top

    def test_backlog_and_peers_and_goals_are_drawn(self):
        self.assertIn("100M", words_of(plot.draw(BACKLOG)["open_time.svg"]))
        self.assertIn("lmdb", words_of(plot.draw(PEERS)["peers.svg"]))
        goals = words_of(plot.draw(GOALS)["goals.svg"])
        self.assertIn("G1 commits <1>", goals)
        self.assertFalse([w for w in goals if w and w.startswith("G6")])

    def test_an_outage_is_drawn_over_time(self):
        row = {"at_seconds": [0.2, 0.4, 0.6], "put_rate": [50, 50, 50], "taken_rate": [50, 0, 90],
               "log_events": [0, 100000, 0], "memory_events": [10, 5, 10],
               "resident_mib": [40, 60, 60]}
        words = words_of(plot.draw({"kind": "outage", "rows": [row]})["outage.svg"])
        for wanted in ("put", "taken", "on disk", "in memory", "100k", "0.6"):
            self.assertIn(wanted, words)

    def test_collectors_are_drawn_as_bars_by_connections(self):
        rows = [{"connections": n, "collector": name, "kind": kind,
                 "events_per_second": {"min": rate * 0.9, "median": rate, "max": rate * 1.1}}
                for n in (1, 8) for name, kind, rate in
                (("rsyslog", "memory", 3e5), ("spillway", "memory", 1.2e6), ("spillway", "stuck", 1e6))]
        drawn = plot.draw({"kind": "collectors", "rows": rows})["collectors.svg"]
        words = words_of(drawn)
        for wanted in ("1 connection", "8 connections", "rsyslog, in memory", "1 200 000", "10M"):
            self.assertIn(wanted, words)
        bars = [float(e.get("width")) for e in xml.etree.ElementTree.fromstring(drawn).iter()
                if e.tag.endswith("rect") and e.get("width") != "100%"]
        self.assertEqual(len(bars), 4)
        self.assertLess(bars[0], bars[1])

    def test_a_bound_of_an_at_most_goal_is_reached_from_above(self):
        row = dict(GOALS["rows"][0], sense="<=", must=2.0, ratio=1.0)
        self.assertEqual(plot.reach(row), 2.0)
        self.assertEqual(plot.reach(dict(row, ratio=4.0)), 0.5)

    def test_what_cannot_be_drawn_is_refused(self):
        for report in ({"kind": "other", "rows": [{}]}, {"kind": "channel", "rows": []},
                       {"kind": "channel", "rows": [{"batch": 1}]}, {}):
            with self.assertRaises(plot.PlotError):
                plot.draw(report)

    def test_the_command_writes_files_and_names_a_bad_one(self):
        with tempfile.TemporaryDirectory() as folder:
            results = pathlib.Path(folder) / "backlog.json"
            results.write_text(json.dumps(BACKLOG))
            out = pathlib.Path(folder) / "plots"
            done = subprocess.run([sys.executable, PLOT, results, "--out", out], check=True,
                                  capture_output=True, text=True)
            self.assertEqual(done.stdout.split(), [str(out / "open_time.svg")])
            results.write_text("{")
            done = subprocess.run([sys.executable, PLOT, results], capture_output=True, text=True,
                                  check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("backlog.json", done.stderr)


if __name__ == "__main__":
    unittest.main()
