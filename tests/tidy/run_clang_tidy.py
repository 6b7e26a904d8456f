#!/usr/bin/env python3
"""Runs clang-tidy on the files changed since main, or on all with --all: the body of ./test --tidy.

A changed header is checked through the sources that include it. One file is one case in the last
line. The checks are in .clang-tidy; the compile commands come from build/, one for each source
where Meson compiles several at once.
"""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = "clang-tidy-14"
COMMANDS = ROOT / "build/tidy/compile_commands.json"
UNITY_FILE = re.compile(r"-unity\d+\.cpp$")
UNITY_PART = re.compile(r"^#include<(.+)>$", re.MULTILINE)
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def git(*arguments):
    run = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout.splitlines() if run.returncode == 0 else []


def changed_files():
    """Everything that differs from where this branch left main, committed or not."""
    base = next((base[0] for name in ("origin/main", "main")
                 if (base := git("merge-base", "HEAD", name))), "HEAD")
    return {*git("diff", "--name-only", base), *git("ls-files", "--others", "--exclude-standard")}


def one_by_one(entry):
    """The compile commands of the sources that `entry` compiles at once; its own otherwise."""
    if not UNITY_FILE.search(entry["file"]):
        return [entry]
    together = (pathlib.Path(entry["directory"]) / entry["file"]).read_text()
    before, _, after = entry["command"].rpartition(entry["file"])
    return [{**entry, "file": part, "command": before + part + after}
            for part in map(os.path.normpath, UNITY_PART.findall(together))]


def compiled_sources():
    """Our own sources that some target compiles, relative to the root; writes their commands."""
    entries = json.loads((ROOT / "build/compile_commands.json").read_text())
    commands = [part for entry in entries for part in one_by_one(entry)]
    COMMANDS.parent.mkdir(exist_ok=True)
    COMMANDS.write_text(json.dumps(commands, indent=1))
    sources = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve() for entry in commands}
    return {str(path.relative_to(ROOT)) for path in sources
            if path.is_relative_to(ROOT) and not path.is_relative_to(ROOT / "build")}


def affected(sources, changed):
    """The changed sources, and those that include a changed header themselves.

    Not those that reach it over other headers: a header of wal/base would select the whole tree.
    """
    headers = {name for name in changed if name.endswith(".h")}
    return {name for name in sources
            if name in changed or headers & set(INCLUDE.findall((ROOT / name).read_text()))}


def check(source):
    started = time.monotonic()
    run = subprocess.run(
        [TOOL, "-p", str(COMMANDS.parent), "--quiet", "--extra-arg=-Wno-unknown-warning-option", source],
        cwd=ROOT, capture_output=True, text=True, check=False)
    return source, run.returncode == 0, run.stdout, time.monotonic() - started


def main(argv):
    if subprocess.run([str(ROOT / ".ci/build"), "ci", "build"], check=False).returncode != 0:
        print("0 passed, 1 failed, 0 skipped")
        return 1
    sources = compiled_sources()
    chosen = sorted(sources if "--all" in argv else affected(sources, changed_files()))
    started = time.monotonic()
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for source, is_good, output, seconds in pool.map(check, chosen):
            print(f"{'ok    ' if is_good else 'FAILED'} {seconds:5.1f} s  {source}", flush=True)
            if not is_good:
                print(output, flush=True)
                failed += 1
    print(f"clang-tidy: {len(chosen)} files in {time.monotonic() - started:.0f} s")
    print(f"{len(chosen) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
