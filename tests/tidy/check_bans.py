#!/usr/bin/env python3
"""Fails on what the house style bans. Each ban says what to use instead and why. docs/style.md."""

import dataclasses
import re
import sys

import source_tree


@dataclasses.dataclass(frozen=True)
class Ban:
    name: str
    pattern: str
    instead: str
    why: str
    only: str = ""    # regular expression over the path; empty: everywhere
    unless: str = ""  # where it is allowed


BANS = (
    Ban("assert", r"(?<![\w.>:])assert\s*\(", "CHECK", "it must hold in every build"),
    Ban("cout", r"\bstd::c(out|err|log)\b", "log_info() or fmt::print()",
        "output that is not a log line belongs to the command line only"),
    Ban("endl", r"\bstd::endl\b", r"'\n'", "a flush per line"),
    Ban("volatile", r"\bvolatile\b", "std::atomic", "it orders nothing between threads"),
    Ban("rand", r"(?<![\w.>])s?rand\s*\(", "wal/base/random.h", "tests must replay from a seed"),
    Ban("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|::sleep\s*\(",
        "test::eventually() or FakeClock", "timed tests are slow and fail on a busy machine",
        only=r"^tests/"),
    Ban("new", r"(?<!operator )(?<!::)\bnew\b(?!\s*\()", "std::make_unique", "ownership in a type"),
    Ban("delete", r"(?<!= )(?<!operator )\bdelete\b", "an owner", "ownership in a type"),
    Ban("catch all", r"\bcatch\s*\(\s*\.\.\.\s*\)", "the exception's name",
        "an unknown error must not pass for a known one"),
    Ban("raw write", r"(?<![\w.>])::(write|pwrite|pwritev|pwritev2|writev)\s*\(", "io::File",
        "short writes, EINTR and poisoning are handled there", unless=r"^wal/io/|^tests/"),
    Ban("raw sync", r"\b(fsync|fdatasync|sync_file_range|syncfs|msync)\s*\(", "io::File::sync()",
        "a failed sync must poison the file", unless=r"^wal/io/|^tests/"),
    Ban("std mutex", r"\bstd::(recursive_|timed_|shared_)?mutex\b|\bstd::condition_variable",
        "wal/base/mutex.h", "std::mutex has no annotations for -Wthread-safety",
        unless=r"^wal/base/mutex\.h$|^tests/"),
    Ban("detach", r"\.detach\s*\(\s*\)", "a joined std::jthread", "no thread outlives stop()"),
    Ban("regex", r"\bstd::(basic_)?regex\b", "PCRE2 with limits",
        "its stack grows with the input", unless=r"^tests/"),
    Ban("c string", r"\b(sprintf|strcpy|strcat|gets|strtok)\s*\(", "fmt or std::string",
        "no bounds, or hidden state"),
    Ban("silent skip", r"\bGTEST_SKIP\s*\(\s*\)\s*;", "GTEST_SKIP() << reason",
        "a skipped test says what would enable it"),
    Ban("disabled test", r"\bDISABLED_\w+", "a fix, or GTEST_SKIP() << reason",
        "a disabled test is not seen again"),
)

# Left-overs are looked for in comments, documents and scripts as well.
LEFTOVER = re.compile(r"\b(FIXME|TODO|XXX|HACK)\b")
LEFTOVER_EXEMPT = re.compile(r"^tests/tidy/|^docs/style\.md$")

# (file, name of the ban): why this one place may.
EXCEPTIONS = {}

# Not code of ours, or the one idiom for a private constructor: unique_ptr<T> name(new T(…)).
IGNORED = (re.compile(r"^\s*#\s*include[^\n]*", re.MULTILINE),
           re.compile(r"\bunique_ptr<[^;{}()]*>\s*\w*[({]new\b"))


def check_text(path, text, used):
    """Problems of one C++ file; adds the exceptions it needed to `used`."""
    code = source_tree.code_only(text)
    for pattern in IGNORED:
        code = pattern.sub(source_tree.blank, code)
    problems = []
    for ban in BANS:
        if ban.only and not re.search(ban.only, path):
            continue
        if ban.unless and re.search(ban.unless, path):
            continue
        for match in re.finditer(ban.pattern, code):
            if (path, ban.name) in EXCEPTIONS:
                used.add((path, ban.name))
                continue
            problems.append(f"{path}:{source_tree.line_of(code, match.start())}: "
                            f"`{match.group().strip()}`: use {ban.instead}: {ban.why}")
    return problems


def check_leftovers(path, text):
    if LEFTOVER_EXEMPT.search(path):
        return []
    return [f"{path}:{source_tree.line_of(text, match.start())}: {match.group()}: finish it, or "
            "say in docs/ what is missing" for match in LEFTOVER.finditer(text)]


def check(root):
    problems, used = [], set()
    for path in source_tree.files(root, source_tree.CPP):
        name = str(path.relative_to(root))
        problems += check_text(name, path.read_text(), used)
    others = source_tree.files(root, (*source_tree.CPP, ".py", ".proto", ".build", ".txt", ".sh"))
    scripts = [root / name for name in source_tree.SCRIPTS if (root / name).exists()]
    for path in (*others, *scripts, *source_tree.documents(root)):
        problems += check_leftovers(str(path.relative_to(root)), path.read_text())
    for path, name in sorted(EXCEPTIONS.keys() - used):
        problems.append(f"{path}: the exception for `{name}` in tests/tidy/check_bans.py is not needed")
    return problems


if __name__ == "__main__":
    source_tree.finish(check(source_tree.root_of(sys.argv)))
