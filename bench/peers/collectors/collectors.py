"""The collectors that are compared: how each is configured and started. Each reads syslog lines from
TCP and writes them unchanged to one file. docs/benchmarks.md gives the reasons for the settings."""

import dataclasses
import os
import pathlib
import signal
import socket
import subprocess
import time

START_SECONDS_MAX = 30
STOP_SECONDS_MAX = 60
BATCH = 1024  # events that a queue hands over at once, where that can be set


class CollectorError(Exception):
    """A collector did not start, or ended; the text has its last words."""


@dataclasses.dataclass(frozen=True)
class Programs:
    spillway: pathlib.Path
    rsyslog_root: pathlib.Path  # "/" or where its package was unpacked
    syslog_ng_root: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a collector works. `output` is created when the output may begin."""
    folder: pathlib.Path
    port: int

    @property
    def output(self):
        return self.folder / "out"

    @property
    def queue(self):
        return self.folder / "queue"


@dataclasses.dataclass(frozen=True)
class Command:
    words: list
    environment: dict


def rsyslog_queue(kind, place):
    size = f'queue.dequeueBatchSize="{BATCH}" queue.size="100000"'
    if kind == "memory":
        return f'queue.type="FixedArray" {size}'
    if kind == "spilling":  # what is beyond the mark goes to disk, while the output is down
        return (f'queue.type="LinkedList" {size} queue.filename="q" queue.spoolDirectory="{place.queue}" '
                'queue.highWatermark="10000" queue.lowWatermark="2000" queue.maxFileSize="64m" '
                'queue.maxDiskSpace="20g"')
    # Without checkpoints it does not find the synced lines again after a crash; each costs more syncs.
    checkpoint = ' queue.checkpointInterval="1"' if kind == "checkpointed" else ""
    return (f'queue.type="Disk" {size} queue.filename="q" queue.spoolDirectory="{place.queue}" '
            f'queue.syncQueueFiles="on"{checkpoint} queue.maxDiskSpace="20g"')


def rsyslog(kind, programs, place):
    root = programs.rsyslog_root
    modules = next(root.glob("usr/lib/*-linux-gnu*/rsyslog"))
    config = place.folder / "rsyslog.conf"
    config.write_text(f"""global(workDirectory="{place.folder}" maxMessageSize="8k")
module(load="imptcp" threads="2")
template(name="raw" type="string" string="%rawmsg%\\n")
main_queue({rsyslog_queue(kind, place)} queue.workerThreads="1" queue.timeoutEnqueue="60000")
input(type="imptcp" port="{place.port}" address="127.0.0.1")
action(type="omfile" file="{place.output}/lines" template="raw" createDirs="off" ioBufferSize="256k"
       action.resumeRetryCount="-1" action.resumeInterval="1")
""")
    return Command([root / "usr/sbin/rsyslogd", "-n", "-M", modules, "-f", config, "-i", place.folder / "pid"], {})


def syslog_ng(_, programs, place):
    root = programs.syslog_ng_root
    home = root / "usr/lib/syslog-ng"
    config = place.folder / "syslog-ng.conf"
    config.write_text(f"""@version: 3.38
options {{ keep-hostname(yes); use-dns(no); log-fifo-size(200000); flush-lines({BATCH}); stats-freq(0); }};
source s {{ network(ip("127.0.0.1") port({place.port}) transport("tcp") flags(no-parse) max-connections(100)
  log-iw-size(100000) log-fetch-limit({BATCH})); }};
destination d {{ file("{place.output}/lines" template("$MSG\\n")); }};
log {{ source(s); destination(d); flags(flow-control); }};
""")
    return Command([root / "usr/sbin/syslog-ng", "-F", "-f", config, "--no-caps", f"--module-path={home}/3.38",
                    f"--persist-file={place.folder}/persist", f"--pidfile={place.folder}/pid",
                    f"--control={place.folder}/control"], {"LD_LIBRARY_PATH": str(home)})


def spillway_channel(kind, name, place):
    start = f"a1.channels.{name}"
    if kind in ("memory", "siblings", "stuck"):
        capacity = 100_000 if kind == "memory" else 100_000_000  # what waits for a stuck sink has room
        return f"{start}.type = memory\n{start}.capacity = {capacity}\n"
    return (f"{start}.type = file\n{start}.capacity = 100000000\n"
            f"{start}.checkpointDir = {place.queue}/{name}/checkpoint\n"
            f"{start}.dataDirs = {place.queue}/{name}/data\n")


def spillway_sink(name, channel, directory):
    start = f"a1.sinks.{name}"
    return (f"{start}.type = file_roll\n{start}.sink.directory = {directory}\n{start}.sink.rollInterval = 0\n"
            f"{start}.sink.batchSize = {BATCH}\n{start}.channel = {channel}\n")


def spillway(kind, programs, place):
    """The kinds `siblings` and `stuck` have a second channel of the same source, whose sink writes to a
    directory of its own; with `stuck` there is none, and the sink waits for it. With `-file` both channels
    are durable."""
    channels = {"c1": "k1", "c2": "k2"} if kind.startswith(("siblings", "stuck")) else {"c1": "k1"}
    directories = {"k1": place.output, "k2": place.folder / "out2"}
    if kind.startswith("siblings"):
        directories["k2"].mkdir(exist_ok=True)
    parts = [f"""a1.sources = r1
a1.channels = {' '.join(channels)}
a1.sinks = {' '.join(channels.values())}
a1.sources.r1.type = syslogtcp
a1.sources.r1.host = 127.0.0.1
a1.sources.r1.port = {place.port}
a1.sources.r1.keepFields = all
a1.sources.r1.batchSize = {BATCH}
a1.sources.r1.channels = {' '.join(channels)}
"""]
    for channel, sink in channels.items():
        parts += [spillway_channel(kind, channel, place), f"a1.channels.{channel}.transactionCapacity = 10000\n",
                  spillway_sink(sink, channel, directories[sink])]
    config = place.folder / "spillway.conf"
    config.write_text("".join(parts))
    return Command([programs.spillway, "agent", "-n", "a1", "-f", config, "--no-reload-conf"], {})


COLLECTORS = {"rsyslog": rsyslog, "syslog-ng": syslog_ng, "spillway": spillway}


@dataclasses.dataclass(frozen=True)
class Usage:
    cpu_seconds: float
    peak_bytes: int


def usage_of(pid):
    """Processor time so far and the most memory so far, of a process that runs."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    peak = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return Usage((int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(peak.split()[1]) * 1024)


def accepts(port):
    """Does somebody accept connections? Looks at the kernel's table: a connection would be a client."""
    wanted = f":{port:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in pathlib.Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[1].endswith(wanted):
                return True
    return False


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Running:
    """A collector that accepts connections; leaving the `with` block ends it."""

    def __init__(self, name, kind, programs, place, pause=0.001):
        self.name, self.place, self.pause = name, place, pause
        place.queue.mkdir(parents=True, exist_ok=True)
        command = COLLECTORS[name](kind, programs, place)
        self.log = place.folder / "log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(  # ended in __exit__
                [str(word) for word in command.words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env={**os.environ, **command.environment})

    def __enter__(self):
        deadline = time.monotonic() + START_SECONDS_MAX
        while not accepts(self.place.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise CollectorError(f"{self.name} does not listen: {self.last_words()}")
            time.sleep(self.pause)
        return self

    def __exit__(self, *_):
        for ask in (signal.SIGTERM, signal.SIGKILL):
            if self.process.poll() is None:
                self.process.send_signal(ask)
            try:
                self.process.wait(timeout=STOP_SECONDS_MAX)
                return
            except subprocess.TimeoutExpired:
                continue

    def usage(self):
        if self.process.poll() is not None:
            raise CollectorError(f"{self.name} has ended: {self.last_words()}")
        return usage_of(self.process.pid)

    def last_words(self):
        return " ".join(self.log.read_text(errors="replace")[-800:].split()) or f"nothing in {self.log}"
