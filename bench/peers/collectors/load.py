"""One load on one collector: lines are sent, their way into the file is timed, the file is checked."""

import dataclasses
import os
import pathlib
import shutil
import subprocess

import collectors

LINE_BYTES = 500
SECONDS_MAX = 120
LOOK_SECONDS = 0.001  # between two looks at the output


class LoadError(Exception):
    """A load failed, or what was written is not what was sent."""


@dataclasses.dataclass(frozen=True)
class Load:
    """What one sample does. Output that is held up is released when everything was read."""
    collector: str
    kind: str  # of queue; what each means is in collectors.py
    connections: int
    lines: int
    warm_up_lines: int = 0

    @property
    def is_held_up(self):
        return self.kind == "spilling"


@dataclasses.dataclass(frozen=True)
class Sample:
    events_per_second: float
    cpu_us: float       # processor time per event, of user and kernel
    peak_mib: float     # resident memory
    others: float       # processors that everybody else on the machine took meanwhile
    drain_per_second: float | None = None  # after the output was held up
    drain_cpu_us: float | None = None
    disordered: int = 0  # lines


def parse_answer(line):
    words = line.split()
    if not words or words[0] != "ok":
        raise LoadError(line.strip() or "no answer")
    return {name: float(value) for name, value in (word.split("=", 1) for word in words[1:])}


def ask(tool, *words):
    done = subprocess.run([str(tool), *[str(word) for word in words]], capture_output=True, text=True,
                          check=False)
    return parse_answer(done.stdout or done.stderr)


def check(tool, output, lines):
    """How many lines come after a later one of their connection. Raises unless the files hold each line,
    once, as it was sent."""
    answer = ask(tool, "check", output, lines)
    disordered = int(answer.pop("disordered"))
    if answer.pop("good") != lines or any(answer.values()):
        raise LoadError(f"of {lines} lines: " + ", ".join(f"{int(n)} {what}" for what, n in answer.items() if n))
    return disordered


def send(tool, running, load, first, lines):
    place = running.place
    wait = () if load.is_held_up else (place.output, (first + lines) * LINE_BYTES)
    return ask(tool, "send", place.port, load.connections, first, lines, SECONDS_MAX, *wait)


def machine_busy_seconds():
    """Processor time of everything on this machine, what the hypervisor kept from it included."""
    fields = pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    user, nice, system, _, _, interrupts, soft_interrupts, stolen = (int(field) for field in fields[:8])
    return (user + nice + system + interrupts + soft_interrupts + stolen) / os.sysconf("SC_CLK_TCK")


def own_seconds():
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def measure(tool, load, programs, folder):
    """The sample; `folder` is emptied before and after."""
    shutil.rmtree(folder, ignore_errors=True)
    place = collectors.Place(folder, collectors.free_port())
    folder.mkdir(parents=True)
    if not load.is_held_up:
        place.output.mkdir()
    try:
        with collectors.Running(load.collector, load.kind, programs, place) as running:
            try:
                sample = take(tool, load, running)
            except LoadError as problem:
                raise LoadError(f"{problem}; its log: {running.last_words()}") from problem
        disordered = check(tool, place.output, load.warm_up_lines + load.lines)
        return dataclasses.replace(sample, disordered=disordered)
    except LoadError as problem:
        raise LoadError(f"{load.collector} {load.kind}: {problem}") from problem
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def take(tool, load, running):
    if load.warm_up_lines:
        send(tool, running, load, 0, load.warm_up_lines)
    before, machine, own = running.usage(), machine_busy_seconds(), own_seconds()
    times = send(tool, running, load, load.warm_up_lines, load.lines)
    seconds = times["read_seconds" if load.is_held_up else "written_seconds"]
    after = running.usage()
    cpu = after.cpu_seconds - before.cpu_seconds
    others = machine_busy_seconds() - machine - (own_seconds() - own) - cpu
    sample = Sample(load.lines / seconds, cpu / load.lines * 1e6, after.peak_bytes / 2**20, others / seconds)
    return drain(tool, load, running, sample) if load.is_held_up else sample


def drain(tool, load, running, sample):
    """Lets the output begin. The time counts from its first byte: when the collector tries again is not
    what is compared."""
    total = load.warm_up_lines + load.lines
    before = running.usage()
    running.place.output.mkdir()
    answer = ask(tool, "await", running.place.output, total * LINE_BYTES, SECONDS_MAX)
    after = running.usage()
    return dataclasses.replace(sample, drain_per_second=total / max(answer["seconds"], LOOK_SECONDS),
                               drain_cpu_us=(after.cpu_seconds - before.cpu_seconds) / total * 1e6,
                               peak_mib=after.peak_bytes / 2**20)
