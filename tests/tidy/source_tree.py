"""What all checks share: finding sources, blanking comments and strings, reporting."""

import pathlib
import re
import sys

TOPS = ("wal", "checkpoint", "channel", "agent", "bench", "tests")
CPP = (".cc", ".h")
SCRIPTS = ("run", "test", ".ci/run", ".ci/build", ".ci/install")

# Comments, string and character literals of C++, longest first; raw strings before plain ones.
# An apostrophe between digits is a separator, not a literal.
LITERAL = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"([^()\\ ]{0,16})\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|'
    r"(?<![0-9A-Fa-f])'(?:\\.|[^'\\\n])+'", re.DOTALL)


def files(root, suffixes, tops=TOPS):
    """All files below `tops` whose name ends in one of `suffixes`, sorted."""
    found = []
    for top in tops:
        for path in (root / top).rglob("*"):
            if path.suffix in suffixes and path.is_file() and "__pycache__" not in path.parts:
                found.append(path)
    return sorted(found)


def documents(root):
    return sorted([*root.glob("*.md"), *files(root, (".md",), ("docs", *TOPS))])


def blank(match):
    """Spaces instead of the text, so that lines and columns stay."""
    return re.sub(r"[^\n]", " ", match.group())


def code_only(text):
    """C++ without comments and the inside of literals."""
    return LITERAL.sub(blank, text)


def without_comments(text):
    """C++ without comments; literals stay."""
    return LITERAL.sub(lambda m: blank(m) if m.group()[:2] in ("//", "/*") else m.group(), text)


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def finish(problems):
    """Prints the problems and ends the check."""
    for problem in problems:
        print(problem)
    if problems:
        print(f"{len(problems)} problem(s)")
    sys.exit(1 if problems else 0)


def root_of(argv):
    return pathlib.Path(argv[1] if len(argv) > 1 else ".").resolve()
