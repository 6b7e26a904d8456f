#!/usr/bin/env python3
"""Fails on files beyond 500 lines and functions beyond 70.

length_allowed.txt lists what may be longer for now: `path lines` or `path function lines`. It only
shrinks: an entry that is not needed, or higher than needed, fails as well.
"""

import ast
import re
import sys

import source_tree

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
ALLOWED = "tests/tidy/length_allowed.txt"

# Braces behind these open a scope whose members are functions.
SCOPE = re.compile(r"^\s*(template\s*<.*>\s*)?(inline\s+)?(namespace|class|struct|union|enum|extern)\b",
                   re.DOTALL)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
ACCESS = re.compile(r"^\s*(public|private|protected)\s*:", re.MULTILINE)
NAME = re.compile(r"([~\w:]+|operator[^\w\s(]+)\s*\(")


def cpp_functions(text):
    """(name, line, number of lines) of each function, from the braces of formatted code."""
    code = source_tree.code_only(text)
    for pattern in (DIRECTIVE, ACCESS):
        code = pattern.sub(source_tree.blank, code)
    found, stack, start, depth = [], [], 0, 0
    for at, char in enumerate(code):
        if char in "()":
            depth += 1 if char == "(" else -1
        elif char == "{" and not code[at - 1].isspace():
            stack.append(None)  # an initializer: `count_{0}`; the statement goes on behind it
        elif char == "{":
            lead = code[start:at]
            is_inside = any(scope and scope[0] for scope in stack)
            is_function = (not is_inside and depth == 0 and "(" in lead
                           and not SCOPE.match(lead) and not lead.rstrip().endswith("="))
            begin = start + len(lead) - len(lead.lstrip())
            stack.append((lead.strip() if is_function else "", begin))
            start = at + 1
        elif char == "}" and stack:
            scope = stack.pop()
            if scope is None:
                continue
            lead, begin = scope
            if lead:
                first = source_tree.line_of(code, begin)
                found.append((function_name(lead), first, source_tree.line_of(code, at) - first + 1))
            start = at + 1
        elif char == ";" and depth == 0:
            start = at + 1
    return found


def function_name(lead):
    """`Log::open` of `Result<Log> Log::open(int fd)`; `TEST(A, B)` of a test."""
    if match := re.match(r"TEST\w*\s*\([^)]*\)", lead):
        return re.sub(r"\s", "", match.group())
    match = NAME.search(lead)
    return match.group(1) if match else "lambda"


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.name, node.lineno, node.end_lineno - node.lineno + 1


def read_allowed(text):
    """{(path, function or ""): lines}"""
    allowed = {}
    for line in text.splitlines():
        words = line.partition("#")[0].split()
        if words:
            allowed[(words[0], words[1] if len(words) > 2 else "")] = int(words[-1])
    return allowed


def check_file(path, text, allowed, used):
    """Problems of one file; adds the entries of `allowed` it needed to `used`."""
    counts = [("", 1, len(text.splitlines()), FILE_LINES_MAX)]
    functions = python_functions(text) if path.endswith(".py") else cpp_functions(text)
    counts += [(*function, FUNCTION_LINES_MAX) for function in functions]
    problems = []
    for name, line, lines, limit in counts:
        if lines <= limit:
            continue
        what = f"function {name}" if name else "file"
        granted = allowed.get((path, name))
        if granted is None:
            problems.append(f"{path}:{line}: {what} has {lines} lines, limit {limit}: split it by "
                            "responsibility")
            continue
        used.add((path, name))
        if lines != granted:
            problems.append(f"{path}:{line}: {what} has {lines} lines but {ALLOWED} says {granted}")
    return problems


def check(root):
    allow_file = root / ALLOWED
    allowed = read_allowed(allow_file.read_text()) if allow_file.exists() else {}
    problems, used = [], set()
    for path in source_tree.files(root, (*source_tree.CPP, ".py")):
        problems += check_file(str(path.relative_to(root)), path.read_text(), allowed, used)
    for path, name in sorted(allowed.keys() - used):
        problems.append(f"{ALLOWED}: {' '.join((path, name)).strip()} is not needed any more")
    return problems


if __name__ == "__main__":
    source_tree.finish(check(source_tree.root_of(sys.argv)))
