"""Runs the functions of a test script whose names begin with test_, each in a directory of its own,
and prints TAP."""

import pathlib
import subprocess
import sys
import tempfile


class Skip(Exception):
    """Why a test cannot run here."""


def tap_main(names):
    """`names`: globals() of the script. Does not return."""
    tests = [item for name, item in sorted(names.items()) if name.startswith("test_")]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, test in enumerate(tests, 1):
        verdict, reason = "ok", ""
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(pathlib.Path(folder))
            except Skip as skip:
                reason = f" # SKIP {skip}"
            except (AssertionError, subprocess.SubprocessError, OSError, LookupError,
                    ValueError) as error:
                print("# " + f"{type(error).__name__}: {error}"[:3000].replace("\n", "\n# "))
                verdict = "not ok"
                failed += 1
        print(f"{verdict} {number} - {test.__name__[len('test_'):]}{reason}", flush=True)
    sys.exit(1 if failed else 0)
