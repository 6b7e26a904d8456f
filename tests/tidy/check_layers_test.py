"""check_layers.py refuses every upward or sideways include and reads its rules from the document."""

import check_layers
import sample_tree

RULES = """# Architecture

## Layers

| layer | may include | holds |
|---|---|---|
| `wal/base` | | basics |
| `wal` | `wal/base` | the log |
| `channel` | `wal/base`, `wal` | queues |
| `agent` | `wal/base`, `channel` | process |
| `agent/sinks` | `agent`, `wal/base`, `channel/event.h` | sinks |

## Words

| `nothing` | `wal` | not a layer |
"""


class CheckLayersTest(sample_tree.TreeTest):
    def problems(self, path, include):
        return check_layers.check(self.tree({
            "docs/architecture.md": RULES, path: f'#pragma once\n#include "{include}"\n'}))

    def test_downward_and_own_includes_pass(self):
        self.assertEqual(self.problems("channel/queue.h", "wal/log.h"), [])
        self.assertEqual(self.problems("channel/queue.h", "channel/other.h"), [])
        self.assertEqual(self.problems("agent/main.cc", "channel/queue.h"), [])

    def test_upward_include_fails_with_its_line(self):
        self.assert_problem(self.problems("wal/log.h", "channel/event.h"),
                            "wal/log.h:2", "wal must not include channel/event.h")

    def test_single_header_is_allowed_without_its_folder(self):
        self.assertEqual(self.problems("agent/sinks/a.cc", "channel/event.h"), [])
        self.assert_problem(self.problems("agent/sinks/a.cc", "channel/queue.h"), "agent/sinks")

    def test_base_does_not_see_the_layer_around_it(self):
        self.assert_problem(self.problems("wal/base/log.cc", "wal/log.h"), "wal/base")

    def test_unlisted_subfolder_belongs_to_the_layer_above(self):
        self.assertEqual(self.problems("channel/takeover/v3.cc", "wal/log.h"), [])
        self.assert_problem(self.problems("channel/takeover/v3.cc", "agent/cli.h"), "channel must not")

    def test_unknown_header_fails(self):
        self.assert_problem(self.problems("wal/log.h", "other/thing.h"), "other/thing.h")

    def test_system_includes_are_not_ours(self):
        root = self.tree({"docs/architecture.md": RULES, "wal/a.h": "#include <vector>\n"})
        self.assertEqual(check_layers.check(root), [])

    def test_missing_table_fails(self):
        root = self.tree({"docs/architecture.md": "# Architecture\n"})
        self.assert_problem(check_layers.check(root), "no table")
