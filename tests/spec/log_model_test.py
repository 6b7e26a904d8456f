"""Every state of the model keeps the four properties, and each rule that is broken breaks one.

SPILLWAY_MODEL_BLOCKS=<n> explores with n blocks; from 5 on, what takes minutes is tried, too.
"""
import os
import unittest

import log_model

BLOCKS = int(os.environ.get('SPILLWAY_MODEL_BLOCKS', '4'))


class LogModelTest(unittest.TestCase):
    def explore(self, *broken):
        states, violation = log_model.explore(log_model.Model(broken, ids=BLOCKS))
        print('# %s: %d states, %s' % (', '.join(broken) or 'as it is', states,
                                       violation or 'no violation'), flush=True)
        return states, violation

    def test_every_state_keeps_the_properties(self):
        states, violation = self.explore()
        self.assertIsNone(violation)
        self.assertGreater(states, 100000)

    def test_each_broken_rule_breaks_its_property(self):
        broken = dict(log_model.BROKEN)
        if BLOCKS > 4:
            broken.update(log_model.BROKEN_SLOWLY)
        for name, wanted in broken.items():
            _, violation = self.explore(name)
            self.assertIsNotNone(violation, name)
            self.assertEqual(violation[0], wanted, (name, violation[1]))

    @unittest.skipIf(BLOCKS < 5, 'SPILLWAY_MODEL_BLOCKS=5 tries it')
    def test_the_chain_is_not_needed_against_crashes(self):
        for name in log_model.REDUNDANT:
            self.assertIsNone(self.explore(name)[1], name)


if __name__ == '__main__':
    unittest.main()
