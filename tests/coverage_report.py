"""How much of the engine's branches the tests have taken, out of what clang's instrumentation left.

A branch is one outcome of one condition, those inside && and || and TRY included. Not counted is
what no run can take: a failing CHECK, a constant condition, a value that an enumeration lacks.

A line of the engine that ends in `// rare: <name>`, or follows a line of nothing else, has to be
reached, whatever the percentage.
"""

import dataclasses
import json
import pathlib
import re
import subprocess

FOLDERS = {"wal": 95.0, "checkpoint": 95.0, "channel": 95.0}
# What tells torn, damaged and ended logs apart.
CLASSIFIER = "wal/recovery_table.cc"
CONSTANT = re.compile(r"while \(true\)|if constexpr|\bk(May|Has)[A-Z]\w*\b")
RARE = re.compile(r"// rare: (\S+)$")


@dataclasses.dataclass
class File:
    name: str
    lines: list
    branches: dict  # (line, column, outcome): times taken
    segments: list

    def missed(self):
        return [place for place, count in sorted(self.branches.items()) if count == 0]

    def count_at(self, line):
        """Times that the first statement of a line ran."""
        text = self.lines[line - 1]
        place = (line, len(text) - len(text.lstrip()) + 1)
        counts = [s[2] for s in self.segments if (s[0], s[1]) <= place and s[3]]
        return counts[-1] if counts else 0


def export(folder, programs):
    profile = folder / "coverage.profdata"
    raw = [str(path) for path in folder.glob("profiles/*.profraw")]
    # What was killed has left a part of a file, or an empty one.
    subprocess.run(["llvm-profdata-14", "merge", "-sparse", "-failure-mode=all", "-o", profile, *raw],
                   check=True, stderr=subprocess.DEVNULL)
    objects = [word for program in programs[1:] for word in ("-object", program)]
    out = subprocess.run(["llvm-cov-14", "export", "-instr-profile", profile, programs[0], *objects],
                         check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return json.loads(out.stdout)["data"][0]["files"]


def read_file(root, entry):
    """The engine's file that the entry is about, or None."""
    path = pathlib.Path(entry["filename"]).resolve()
    name = str(path.relative_to(root)) if path.is_relative_to(root) else ""
    if name.split("/")[0] not in FOLDERS or ".pb." in name:
        return None
    lines = path.read_text().splitlines()
    counts = {}
    for branch in entry["branches"]:
        add_branch(counts, lines, branch[0], branch[1], branch[4:6])
    for expansion in entry["expansions"]:
        if any(other.endswith("/check.h") for other in expansion["filenames"]):
            continue
        line, column = expansion["source_region"][:2]
        for branch in expansion["branches"]:
            add_branch(counts, lines, line, column, branch[4:6])
    return File(name, lines, counts, entry["segments"])


def add_branch(counts, lines, line, column, taken):
    text = lines[line - 1]
    if CONSTANT.search(text) or re.search(r"\bD?CHECK\(", text):
        return
    if re.match(r"\s*switch \(", text):
        return  # the way past all cases, which -Wswitch rules out
    outcomes = [True] if re.match(r"\s*(case .*|default):", text) else [True, False]
    for outcome, times in zip((True, False), taken):
        if outcome in outcomes:
            place = (line, column, outcome)
            counts[place] = counts.get(place, 0) + times


def write_missed(path, files):
    with path.open("w") as out:
        for file in files:
            for line, column, outcome in file.missed():
                text = file.lines[line - 1].strip()
                out.write(f"{file.name}:{line}:{column}: never {str(outcome).lower()}: {text}\n")


def unreached(files):
    """Rare lines that no test has reached."""
    for file in files:
        for number, text in enumerate(file.lines, 1):
            match = RARE.search(text)
            is_alone = text.lstrip().startswith("//")
            if match and file.count_at(number + is_alone) == 0:
                yield f"{match.group(1)} ({file.name}:{number})"


def report(root, folder, programs):
    """Prints what was covered; the complaints."""
    files = [file for file in (read_file(root, entry) for entry in export(folder, programs)) if file]
    complaints = []
    wanted = {**{name + "/": share for name, share in FOLDERS.items()}, CLASSIFIER: 100.0}
    for prefix, share in wanted.items():
        counts = [count for file in files if file.name.startswith(prefix)
                  for count in file.branches.values()]
        taken = sum(count > 0 for count in counts)
        percent = 100.0 * taken / max(len(counts), 1)
        print(f"{prefix}: {taken} of {len(counts)} branches, {percent:.1f} %")
        if percent < share:
            complaints.append(f"branches of {prefix}: {percent:.1f} %, {share:.0f} % are wanted")
    complaints += [f"no test reaches {name}" for name in unreached(files)]
    missed = folder / "missed_branches.txt"
    write_missed(missed, files)
    print(f"those that were not taken: {missed.relative_to(root)}")
    return complaints
