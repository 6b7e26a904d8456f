"""check_length.py measures files and functions, and its allow-list can only shrink."""

import check_length
import sample_tree


def function(lines, head="int f() {"):
    return "\n".join([head, *["  call();"] * (lines - 2), "}"]) + "\n"


class CheckLengthTest(sample_tree.TreeTest):
    def problems(self, text, path="wal/a.cc", allowed=""):
        return check_length.check(self.tree({path: text, check_length.ALLOWED: allowed}))

    def test_the_limits_themselves_pass(self):
        self.assertEqual(self.problems(function(70)), [])
        self.assertEqual(self.problems("int x;\n" * 500), [])

    def test_one_line_more_fails(self):
        self.assert_problem(self.problems(function(71)), "wal/a.cc:1", "function f has 71 lines")
        self.assert_problem(self.problems("int x;\n" * 501), "file has 501 lines")

    def test_every_shape_of_a_function_is_seen(self):
        for head, name in (
                ("namespace a {\nResult<void> Log::open(int fd,\n    int mode) const {", "Log::open"),
                ("class A {\n public:\n  void g() {", "g"),
                ("A::A(int x) : x_(x), y_{x}, z_{} {", "A::A"),
                ("TEST(LogTest, Opens) {", "TEST(LogTest,Opens)"),
                ("template <class T>\nbool operator==(const T& a, const T& b) {", "operator=="),
                ("const auto f = [](int x) {", "lambda")):
            problems = self.problems(function(73, head))
            self.assert_problem(problems, f"function {name} has")

    def test_braces_inside_a_function_do_not_hide_it(self):
        body = "  if (x) {\n    y();\n  }\n" * 30
        self.assert_problem(self.problems("void f() {\n" + body + "}\n"), "function f has 92 lines")

    def test_classes_namespaces_and_tables_are_no_functions(self):
        for head in ("namespace a {", "class A : public B<C(int)> {", "enum class A {",
                     "constexpr Row kRows[] = {"):
            self.assertEqual(self.problems(head + "\n" + "  f(1),\n" * 100 + "};\n"), [], head)

    def test_braces_in_text_and_comments_do_not_count(self):
        text = 'void f() {\n  g("}");  // }\n' + "  h();\n" * 80 + "}\n"
        self.assert_problem(self.problems(text), "function f has 83 lines")

    def test_python_is_measured_too(self):
        text = "def f():\n" + "    call()\n" * 70
        self.assert_problem(self.problems(text, "tests/a.py"), "function f has 71 lines")

    def test_allowed_length_must_be_exact_and_needed(self):
        self.assertEqual(self.problems(function(80), allowed="wal/a.cc f 80  # reason\n"), [])
        self.assert_problem(self.problems(function(75), allowed="wal/a.cc f 80\n"), "says 80")
        self.assert_problem(self.problems(function(81), allowed="wal/a.cc f 80\n"), "says 80")
        self.assert_problem(self.problems(function(10), allowed="wal/a.cc f 80\n"), "not needed")
