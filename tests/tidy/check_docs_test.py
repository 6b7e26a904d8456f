"""check_docs.py finds broken links and every kind of drift between documents and source."""

import unittest.mock

import check_docs
import sample_tree

OPERATIONS = ("# Operations\n\n| id | level | what it means | what to do |\n|---|---|---|---|\n"
              "| `wal.torn` | WARN | a cut | nothing |\n")


class LinksTest(sample_tree.TreeTest):
    def problems(self, text):
        return check_docs.check_links(self.tree({
            "docs/a.md": text, "docs/b.md": "# Top\n\n## Two `words` here\n\n## Same\n\n## Same\n"}))

    def test_good_links_pass(self):
        for link in ("b.md", "b.md#two-words-here", "../docs/b.md", "https://example.org/x", "#here",
                     "b.md#same-1"):
            self.assertEqual(self.problems(f"# Here\n\n[text]({link})\n"), [], link)

    def test_missing_file_fails_with_its_line(self):
        self.assert_problem(self.problems("# Here\n\n[text](c.md)\n"), "docs/a.md:3", "c.md")
        self.assert_problem(self.problems("![picture](c.svg)\n"), "c.svg")

    def test_missing_section_fails(self):
        self.assert_problem(self.problems("[text](b.md#three)\n"), "no section #three")
        self.assert_problem(self.problems("[text](#nowhere)\n"), "no section #nowhere")

    def test_code_blocks_are_not_links(self):
        self.assertEqual(self.problems("```\n[text](c.md)\n```\n"), [])


class ReferencesTest(sample_tree.TreeTest):
    def problems(self, comment):
        return check_docs.check_references(self.tree({
            "docs/a.md": "# A\n\n## Words\n", "wal/a.h": comment + "\n"}))

    def test_references_to_what_exists_pass(self):
        self.assertEqual(self.problems('// See docs/a.md and docs/a.md, "Words".'), [])

    def test_missing_document_or_section_fails(self):
        self.assert_problem(self.problems("// See docs/b.md."), "wal/a.h:1", "docs/b.md")
        self.assert_problem(self.problems('// See docs/a.md, "Verbs".'), 'no section "Verbs"')


class LogIdsTest(sample_tree.TreeTest):
    def problems(self, code):
        return check_docs.check_log_ids(self.tree({
            "docs/operations.md": OPERATIONS, "wal/a.cc": code}))

    def test_documented_id_passes_over_line_breaks(self):
        self.assertEqual(self.problems('log_warn(\n    "wal.torn", "cut");\n'), [])

    def test_undocumented_id_fails(self):
        problems = self.problems('log_warn("wal.torn", "x");\nlog_error("wal.lost", "y");\n')
        self.assert_problem(problems, "wal/a.cc:2", "wal.lost has no row")

    def test_other_level_fails(self):
        self.assert_problem(self.problems('log_error("wal.torn", "x");\n'), "ERROR here, WARN")

    def test_id_must_be_a_literal(self):
        problems = self.problems('log_info("wal.torn", "x");\nlog_warn(id, "x");\n')
        self.assertIn("wal/a.cc:2: the id must be a literal `component.event`", problems)

    def test_id_passed_to_a_function_that_logs_is_found(self):
        helper = "void fail(const char* id) {\n  log_warn(id, text);\n}\n"
        self.assertEqual(self.problems(helper + 'return fail("wal.torn", error);\n'), [])
        problems = self.problems(helper + 'fail("wal.torn", a); fail("wal.other", a);\n')
        self.assert_problem(problems, "wal.other has no row")

    def test_row_without_source_fails(self):
        self.assert_problem(self.problems('// log_warn("wal.torn")\n'), "written nowhere")


class ComponentsTest(sample_tree.TreeTest):
    def problems(self, text, generated):
        return check_docs.check_components(self.tree({"docs/components.md": text}), generated)

    def test_equal_text_behind_the_marker_passes(self):
        self.assertEqual(self.problems("# C\n\nprose\n" + check_docs.MARKER + "\n| a |\n", "| a |\n"),
                         [])

    def test_drift_fails(self):
        self.assert_problem(self.problems(check_docs.MARKER + "| a |\n", "| b |\n"), "--write")

    def test_missing_marker_fails(self):
        self.assert_problem(self.problems("| a |\n", "| a |\n"), "lacks the line")

    def test_without_a_binary_there_is_nothing_to_compare(self):
        self.assertEqual(self.problems("# C\n", None), [])

    def test_write_keeps_the_prose_and_replaces_the_rest(self):
        root = self.tree({"docs/components.md": "# C\n\nprose\n" + check_docs.MARKER + "old\n"})
        check_docs.write_components(root, "| new |\n")
        text = (root / "docs/components.md").read_text()
        self.assertTrue(text.startswith("# C\n\nprose\n"))
        self.assertNotIn("old", text)
        self.assertEqual(check_docs.check_components(root, "| new |\n"), [])


class ConstantsTest(sample_tree.TreeTest):
    def problems(self, row):
        return check_docs.check_constants(self.tree({
            "docs/format.md": "# Format\n\n| name | value |\n|---|---|\n" + row + "\n",
            "wal/format.h": "inline constexpr std::uint32_t kMagic = 0x5350'4C57U;\n"
                            "constexpr std::size_t kSlotBytes = 4 * kKiB;\n"
                            "constexpr std::size_t kTwoSlots = 2 * kSlotBytes;\n"
                            "constexpr std::size_t kPage = std::size_t{1} << 20U;\n"}))

    def test_equal_values_pass_however_they_are_written(self):
        for row in ("| `kMagic` | `0x53504C57` |", "| `kSlotBytes` | 4096 |",
                    "| `kSlotBytes` | 4 KiB |", "| `kTwoSlots` | 8192 |",
                    "| `kPage` | 1 MiB |"):
            self.assertEqual(self.problems(row), [], row)

    def test_other_value_fails_with_its_line(self):
        self.assert_problem(self.problems("| `kSlotBytes` | 8192 |"), "docs/format.md:5", "4 * kKiB")
        self.assert_problem(self.problems("| `kTwoSlots` | 4096 |"), "kTwoSlots")

    def test_unknown_constant_fails(self):
        self.assert_problem(self.problems("| `kGone` | 1 |"), "no constant")


class RecoveryRowsTest(sample_tree.TreeTest):
    def problems(self, document):
        return check_docs.check_recovery_rows(self.tree({
            "docs/durability.md": document,
            "wal/recovery_table.cc": '{"block", ScanAction::kAccept},\n{"torn", ScanAction::kEnd},\n'}))

    def test_same_rows_pass(self):
        self.assertEqual(self.problems("# D\n\n## Recovery\n\n| `block` | |\n| `torn` | |\n"), [])

    def test_missing_and_surplus_rows_fail(self):
        self.assert_problem(self.problems("# D\n\n## Recovery\n\n| `block` | |\n"), "lacks torn")
        self.assert_problem(self.problems(
            "# D\n\n## Recovery\n\n| `block` | |\n| `torn` | |\n| `old` | |\n"), "old is no row")


class WholeCheckTest(sample_tree.TreeTest):
    def test_collects_the_problems_of_every_part(self):
        root = self.tree({"docs/operations.md": OPERATIONS, "README.md": "[x](none.md)\n"})
        with unittest.mock.patch.object(check_docs, "generated_components", return_value=None):
            problems = check_docs.check(root, None)
        self.assertEqual(len(problems), 2, problems)
