#!/usr/bin/env python3
"""Runs the unittest cases of one file and prints TAP, so that ./test counts each: FILE."""

import importlib.util
import pathlib
import sys
import unittest


class TapResult(unittest.TestResult):
    def line(self, outcome, test, directive=""):
        name = test.id().split(".", 1)[-1].replace("#", "")
        print(f"{outcome} {self.testsRun} - {name}{directive}", flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("ok", test, f" # SKIP {reason}")

    def add_bad(self, test, trace):
        self.line("not ok", test)
        for line in trace.splitlines():
            print(f"# {line}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.add_bad(test, self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.add_bad(test, self.errors[-1][1])


def main(argv):
    path = pathlib.Path(argv[1]).resolve()
    sys.path[:0] = [str(path.parent), str(pathlib.Path(__file__).resolve().parent)]
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    suite = unittest.defaultTestLoader.loadTestsFromModule(module)
    print(f"1..{suite.countTestCases()}", flush=True)
    result = suite.run(TapResult())
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))
