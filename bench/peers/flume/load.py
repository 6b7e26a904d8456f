"""A process that puts loads on a channel: spillway-bench-load or FlumeLoad. One command per line, one
line back: `ok name=value…` or `failed WHY`."""

import select
import subprocess
import time

ANSWER_SECONDS_MAX = 600.0


class LoadError(Exception):
    """A load failed, or its process did not answer."""


def parse_answer(line):
    """{name: number} of an answer."""
    words = line.split()
    if not words or words[0] != "ok":
        raise LoadError(line.strip() or "no answer")
    try:
        return {name: float(value) for name, value in (word.split("=", 1) for word in words[1:])}
    except ValueError as problem:
        raise LoadError(f"not an answer: {line.strip()}") from problem


class Load:
    """Owns the process; leaving the `with` block ends it."""

    def __init__(self, name, command, log):
        self.name = name
        self.log = log
        with open(log, "wb") as errors:
            self.process = subprocess.Popen(  # ended in __exit__
                [str(word) for word in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=errors)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def ask(self, *words, seconds_max=ANSWER_SECONDS_MAX):
        """The answer to one command."""
        command = " ".join(str(word) for word in words)
        try:
            self.process.stdin.write(f"{command}\n".encode())
            self.process.stdin.flush()
        except OSError as problem:
            raise LoadError(f"{self.name}: {problem.strerror}: {self.last_words()}") from problem
        try:
            return parse_answer(self.read_line(time.monotonic() + seconds_max))
        except LoadError as problem:
            raise LoadError(f"{self.name}: {command}: {problem}") from problem

    def read_line(self, deadline):
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise LoadError("no answer in time")
            part = self.process.stdout.read1(65536)
            if not part:
                raise LoadError(f"the process has ended: {self.last_words()}")
            line += part
        return line.decode(errors="replace")

    def last_words(self):
        with open(self.log, encoding="utf-8", errors="replace") as errors:
            return " ".join(errors.read()[-500:].split()) or f"nothing in {self.log}"
