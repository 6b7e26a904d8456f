#!/usr/bin/env python3
"""Fails when clang-format 14 would change a file. Fix: clang-format-14 -i FILE."""

import shutil
import subprocess
import sys

import source_tree

TOOL = "clang-format-14"
SKIPPED = 77


def check(root):
    sources = [str(path.relative_to(root)) for path in source_tree.files(root, source_tree.CPP)]
    if not sources:
        return []
    run = subprocess.run([TOOL, "--dry-run", "--ferror-limit=1", *sources], cwd=root,
                         capture_output=True, text=True, check=False)
    problems = [line for line in run.stderr.splitlines() if "-Wclang-format-violations" in line]
    if run.returncode != 0 and not problems:
        problems = run.stderr.splitlines()
    return problems


if __name__ == "__main__":
    if not shutil.which(TOOL):
        print(f"{TOOL} is not installed: apt-get install {TOOL}")
        sys.exit(SKIPPED)
    source_tree.finish(check(source_tree.root_of(sys.argv)))
