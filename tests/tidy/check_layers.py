#!/usr/bin/env python3
"""Fails when an #include crosses a layer boundary.

The boundaries are the table in docs/architecture.md, "Layers": `layer | may include | …`. An entry is
a folder or a single header; the most specific layer that contains a file rules it.
"""

import pathlib
import re
import sys

import source_tree

DOCUMENT = "docs/architecture.md"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')
ROW = re.compile(r"^\|\s*`([a-z_/]+)`\s*\|([^|]*)\|")


def parse_layers(text):
    """Rows of the table under the heading "Layers": {layer: set of folders and headers}."""
    section = re.split(r"^## Layers\s*$", text, flags=re.MULTILINE)
    if len(section) != 2:
        return {}
    layers = {}
    for line in re.split(r"^## ", section[1], flags=re.MULTILINE)[0].splitlines():
        if match := ROW.match(line):
            layers[match.group(1)] = {match.group(1), *re.findall(r"`([^`]+)`", match.group(2))}
    return layers


def layer_of(path, layers):
    """The most specific layer that contains `path`, or None."""
    folder = pathlib.PurePosixPath(path).parent
    for candidate in (folder, *folder.parents):
        if str(candidate) in layers:
            return str(candidate)
    return None


def check(root):
    layers = parse_layers((root / DOCUMENT).read_text())
    if not layers:
        return [f'{DOCUMENT}: no table under "## Layers"']
    problems = []
    for path in source_tree.files(root, source_tree.CPP, ("wal", "checkpoint", "channel", "agent")):
        relative = path.relative_to(root)
        mine = layer_of(relative, layers)
        if mine is None:
            problems.append(f"{relative}: belongs to no layer of {DOCUMENT}")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            header = match.group(1)
            if header not in layers[mine] and layer_of(header, layers) not in layers[mine]:
                problems.append(f"{relative}:{number}: {mine} must not include {header}")
    return problems


if __name__ == "__main__":
    source_tree.finish(check(source_tree.root_of(sys.argv)))
