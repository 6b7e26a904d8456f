#!/usr/bin/env python3
"""Kills the agent with SIGKILL again and again while it tails rotating files at full speed into the
file channel and a file_roll sink; then proves that every written line was delivered, and that none
was put into the channel twice.

The ledger is this process: it knows what it wrote and reads what the sink wrote. Each event gets a
random id on its way into the channel. A line that comes again with its id was taken and not
acknowledged durably: that is allowed and counted. A line with another id was read from its file
again: that, lost lines, torn lines and lines out of order within a stream are failures.

Files are rotated by renaming, by copying and truncating, and by deleting them and making new ones,
whose inode is often the same; the last two only when all their lines are delivered.

  kill_loop.py --binary build/agent/spillway --cycles 50 [--seed N] [--keep]
"""
import argparse
import array
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

STREAMS = 2
ROTATE_LINES = 20_000
BACKLOG_LINES_MAX = 60_000  # the writer waits beyond it: bounds the disk, not the speed
DRAIN_SECONDS_MAX = 180
REMOVED_SECONDS = 0.2

CONFIG = """
a.sources = t
a.channels = c
a.sinks = k
a.sources.t.type = taildir
a.sources.t.channels = c
a.sources.t.filegroups = {groups}
{filegroups}
a.sources.t.positionFile = {work}/positions.json
a.sources.t.writePosInterval = 200
a.sources.t.batchSize = 200
a.sources.t.interceptors = i
a.sources.t.interceptors.i.type = uuid
a.sources.t.interceptors.i.headerName = id
a.channels.c.type = file
a.channels.c.checkpointDir = {work}/checkpoint
a.channels.c.dataDirs = {work}/data
a.sinks.k.type = file_roll
a.sinks.k.channel = c
a.sinks.k.sink.directory = {work}/output
a.sinks.k.sink.rollInterval = 0
a.sinks.k.sink.serializer = header_and_text
"""


class Stream:
    """One log file and its rotations; lines are `s<stream> <number> <padding>`."""

    def __init__(self, work, index):
        self.directory = work / f"input{index}"
        self.directory.mkdir()
        self.index = index
        self.written = 0
        self.rotations = 0
        self.reused_inodes = 0
        self.padding = "x" * 80
        self.path = self.directory / "app.log"
        self.file = open(self.path, "w")

    def write(self, count):
        self.file.writelines(
            f"s{self.index} {n:09d} {self.padding}\n"
            for n in range(self.written, self.written + count))
        self.file.flush()
        self.written += count

    def is_due(self):
        return self.written // ROTATE_LINES > self.rotations

    def rename(self):
        self.rotations += 1
        self.file.close()
        os.rename(self.path, self.directory / f"app.log.{self.rotations}")
        self.file = open(self.path, "w")

    def copy_and_truncate(self):
        self.rotations += 1
        shutil.copy(self.path, self.directory / f"copy.{self.rotations}")
        self.file.close()
        self.file = open(self.path, "w")

    def remove(self):
        self.rotations += 1
        self.file.close()
        self.inode = os.stat(self.path).st_ino
        os.remove(self.path)
        self.file = None
        self.return_at = time.monotonic() + REMOVED_SECONDS

    def return_if_due(self):
        """Once the agent has let go of the file, its inode is free for the next one."""
        if time.monotonic() < self.return_at:
            return
        self.file = open(self.path, "w")
        self.reused_inodes += os.stat(self.path).st_ino == self.inode


class Ledger:
    """Reads the sink's files as they grow, oldest first."""

    def __init__(self, directory):
        self.directory = directory
        self.offsets = {}
        self.next = [0] * STREAMS      # first number not delivered yet, per stream
        self.ids = [array.array("Q") for _ in range(STREAMS)]  # of the lines, by number
        self.duplicates = 0
        self.duplicate_runs = 0
        self.errors = []
        self.last_was_duplicate = [False] * STREAMS

    def read(self):
        for path in sorted(self.directory.iterdir(), key=lambda p: [int(x) for x in p.name.split("-")]):
            with open(path, "rb") as file:
                file.seek(self.offsets.get(path.name, 0))
                data = file.read()
            whole = data.rfind(b"\n") + 1  # a kill may leave half a line: its event comes again
            self.offsets[path.name] = self.offsets.get(path.name, 0) + whole
            for line in data[:whole].splitlines():
                self.take(line)

    def take(self, line):
        try:
            headers, name, number, padding = line.decode().split(" ")
            stream, number = int(name[1:]), int(number)
            event_id = int(headers[len("{id="):len("{id=") + 8], 16) << 16 | int(headers[-13:-1], 16) & 0xFFFF
        except ValueError:
            self.errors.append(f"a line that nobody wrote: {line[:80]!r}")
            return
        if len(padding) != 80:
            self.errors.append(f"a torn line: {line[:80]!r}")
        if number < self.next[stream]:
            if self.ids[stream][number] != event_id:
                self.errors.append(f"stream {stream}: line {number} was read from its file twice")
            self.duplicates += 1
            self.duplicate_runs += not self.last_was_duplicate[stream]
            self.last_was_duplicate[stream] = True
            return
        self.last_was_duplicate[stream] = False
        if number > self.next[stream]:
            self.errors.append(
                f"stream {stream}: lines {self.next[stream]}..{number - 1} are missing before {number}")
            self.ids[stream].extend([0] * (number - self.next[stream]))
        self.ids[stream].append(event_id)
        self.next[stream] = number + 1


class Loop:
    def __init__(self, arguments, work, generator):
        self.arguments = arguments
        self.work = work
        self.random = generator
        self.streams = [Stream(work, i) for i in range(STREAMS)]
        (work / "output").mkdir()
        self.ledger = Ledger(work / "output")
        groups = " ".join(f"g{i}" for i in range(STREAMS))
        filegroups = "\n".join(
            f"a.sources.t.filegroups.g{i} = {work}/input{i}/app\\\\.log.*" for i in range(STREAMS))
        (work / "a.conf").write_text(
            CONFIG.format(work=work, groups=groups, filegroups=filegroups))

    def start(self):
        return subprocess.Popen(
            [self.arguments.binary, "agent", "-n", "a", "-f", str(self.work / "a.conf")],
            stderr=open(self.work / "agent.log", "a"))

    def starts_told(self):
        path = self.work / "agent.log"
        return path.read_text().count("component_started") if path.exists() else 0

    def delivered(self):
        return sum(self.ledger.next)

    def written(self):
        return sum(s.written for s in self.streams)

    def feed(self):
        """Writes a burst unless the agent is far behind."""
        self.ledger.read()
        if self.written() - self.delivered() < BACKLOG_LINES_MAX:
            for stream in self.streams:
                if stream.file is None:
                    stream.return_if_due()
                elif stream.is_due():
                    self.rotate(stream)
                else:
                    stream.write(self.random.randrange(1, 800))
        else:
            time.sleep(0.002)

    def rotate(self, stream):
        """Only what is delivered may be thrown away; until then the stream pauses."""
        kind = stream.rotations % 3
        if kind == 0:
            stream.rename()
        elif self.ledger.next[stream.index] == stream.written:
            stream.copy_and_truncate() if kind == 1 else stream.remove()

    def cycle(self):
        agent = self.start()
        before = self.delivered()
        progress_deadline = time.monotonic() + 60
        # A kill before anything moved would prove nothing: wait for progress, then a random time.
        while self.delivered() == before and time.monotonic() < progress_deadline:
            self.feed()
        if self.delivered() == before:
            self.ledger.errors.append("the agent delivered nothing for 60 s")
        kill_at = time.monotonic() + self.random.uniform(0.0, self.arguments.run_seconds)
        while time.monotonic() < kill_at:
            self.feed()
        agent.send_signal(signal.SIGKILL)
        agent.wait()

    def drain(self):
        # Before it listens to signals, SIGTERM ends it as it ends any process.
        told_before = self.starts_told()
        agent = self.start()
        while self.starts_told() == told_before and agent.poll() is None:
            time.sleep(0.01)
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        while self.delivered() < self.written() and time.monotonic() < deadline:
            self.ledger.read()
            time.sleep(0.01)
        agent.send_signal(signal.SIGTERM)
        code = agent.wait()
        self.ledger.read()
        if code != 0:
            self.ledger.errors.append(f"the agent's last stop ended with {code}")
        for stream in self.streams:
            missing = stream.written - self.ledger.next[stream.index]
            if missing:
                self.ledger.errors.append(f"stream {stream.index}: the last {missing} lines are missing")

    def run(self):
        for cycle in range(self.arguments.cycles):
            self.cycle()
            if self.ledger.errors:
                break
            if cycle % 10 == 9:
                print(f"{cycle + 1} kills, {self.written()} lines written, "
                      f"{self.ledger.duplicates} duplicates", flush=True)
        self.drain()
        ledger = self.ledger
        # Each kill can bring back, per stream, what no acknowledgement had recorded.
        if ledger.duplicate_runs > STREAMS * self.arguments.cycles:
            ledger.errors.append(f"{ledger.duplicate_runs} runs of duplicates are more than kills explain")
        print(f"kills {self.arguments.cycles}, written {self.written()}, delivered {self.delivered()}, "
              f"taken twice {ledger.duplicates} in {ledger.duplicate_runs} runs, read twice "
              f"{sum('read from its file twice' in e for e in ledger.errors)}, rotations "
              f"{sum(s.rotations for s in self.streams)} with {sum(s.reused_inodes for s in self.streams)} "
              f"inodes used again, lost {self.written() - self.delivered()}, errors {len(ledger.errors)}")
        for error in ledger.errors[:20]:
            print(f"FAILED: {error}")
        return 1 if ledger.errors else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", required=True)
    parser.add_argument("--cycles", type=int, default=50)
    parser.add_argument("--run-seconds", type=float, default=1.0, help="longest run before a kill")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SPILLWAY_SEED", "0")))
    parser.add_argument("--keep", action="store_true", help="keep the work directory")
    arguments = parser.parse_args()
    seed = arguments.seed or random.SystemRandom().randrange(1, 2**32)
    print(f"seed {seed} (replay with SPILLWAY_SEED={seed})")
    work = pathlib.Path(tempfile.mkdtemp(prefix="spillway-kill-"))
    code = Loop(arguments, work, random.Random(seed)).run()
    if code or arguments.keep:
        print(f"left in {work}")
    else:
        shutil.rmtree(work)
    return code


if __name__ == "__main__":
    sys.exit(main())
