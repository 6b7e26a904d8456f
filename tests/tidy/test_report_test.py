"""test_report.py counts cases, and never loses a test that crashed."""

import json

import sample_tree
import test_report

XML = """<?xml version="1.0"?><testsuites><testsuite name="A">
<testcase name="Good" classname="A" status="run" result="completed"/>
<testcase name="Bad" classname="A" status="run"><failure message="a.cc:1&#10;no"/></testcase>
<testcase name="Off" classname="A" status="run" result="skipped">
<skipped message="a.cc:3&#10;needs a disk"/></testcase>
<testcase name="DISABLED_X" classname="A" status="notrun"/>
</testsuite></testsuites>"""


def meson_test(name, protocol):
    return test_report.MesonTest(name, frozenset({"unit"}), protocol, ())


class ReportTest(sample_tree.TreeTest):
    def report(self, protocol, result, status=0, stdout="", files=None):
        run = {"name": "spillway:unit / t", "result": result, "returncode": status, "stdout": stdout}
        root = self.tree({"meson-logs/testlog-wrapper.json": json.dumps(run) + "\n", **(files or {})})
        return test_report.read(root, [meson_test("t", protocol)])

    def test_gtest_cases_are_counted_with_reasons(self):
        report = self.report("gtest", "FAIL", 1, files={"t.xml": XML})
        self.assertEqual(report.passed, 1)
        self.assertEqual(report.failed, [("t: A.Bad", "a.cc:1 no")])
        self.assertEqual(report.skipped, [("t: A.Off", "needs a disk"),
                                          ("t: A.DISABLED_X", "disabled in the source")])

    def test_what_was_tried_is_summed_up(self):
        properties = """<properties><property name="crash_states" value="%d"/>
<property name="seed_first" value="%d"/><property name="seed_last" value="9"/></properties>"""
        xml = f"""<?xml version="1.0"?><testsuites><testsuite name="A">
<testcase name="A" classname="A" status="run">{properties % (1200, 3)}</testcase>
<testcase name="B" classname="A" status="run">{properties % (34, 1)}</testcase>
</testsuite></testsuites>"""
        report = self.report("gtest", "OK", files={"t.xml": xml})
        self.assertEqual(report.sum_of_tried(), "1,234 crash states; seeds 1 to 9")

    def test_crash_without_cases_is_one_failure(self):
        report = self.report("gtest", "FAIL", -11)
        self.assertEqual((report.passed, len(report.failed)), (0, 1))
        self.assertIn("exit status -11", report.failed[0][1])

    def test_failure_after_good_cases_is_not_lost(self):
        good = XML.replace('<failure message="a.cc:1&#10;no"/>', "")
        report = self.report("gtest", "FAIL", 23, files={"t.xml": good})  # a sanitizer at exit
        self.assertEqual((report.passed, len(report.failed)), (2, 1))

    def test_tap_lines_are_counted(self):
        report = self.report("tap", "FAIL", 1, "1..3\nok 1 - a\nnot ok 2 - b\n# why\nok 3 - c # SKIP no\n")
        self.assertEqual(report.passed, 1)
        self.assertEqual(report.failed, [("t: b", "not ok")])
        self.assertEqual(report.skipped, [("t: c", "no")])

    def test_plain_programs_are_one_case(self):
        self.assertEqual(self.report("exitcode", "OK").passed, 1)
        skipped = self.report("exitcode", "SKIP", 77, "looking\nno loop device\n").skipped
        self.assertEqual(skipped, [("t", "no loop device")])
        self.assertEqual(len(self.report("exitcode", "TIMEOUT", -9).failed), 1)

    def test_test_without_a_record_failed(self):
        report = test_report.read(self.tree({}), [meson_test("t", "gtest")])
        self.assertEqual(report.failed, [("t", "did not run")])
