"""Runs one of CPython's test modules and writes a report; see scripts/regression.

    regression_part.py TEST REPORT

It runs as a script of a plain Python and as the text of a cell.
"""

import json
import sys
import unittest


class Report(unittest.TextTestResult):
    """Keeps how each test ended, but those that passed."""

    def __init__(self, *arguments, **options):
        """Begin with nothing."""
        super().__init__(*arguments, **options)
        self.outcomes = {}

    def addFailure(self, test, err):
        """Keep a failure."""
        super().addFailure(test, err)
        self.outcomes[test.id()] = ("failed", self._exc_info_to_string(err, test))

    def addError(self, test, err):
        """Keep an error."""
        super().addError(test, err)
        self.outcomes[test.id()] = ("error", self._exc_info_to_string(err, test))

    def addSkip(self, test, reason):
        """Keep a skip."""
        super().addSkip(test, reason)
        self.outcomes[test.id()] = ("skipped", reason)

    def addSubTest(self, test, subtest, err):
        """Keep a subtest that failed."""
        super().addSubTest(test, subtest, err)
        if err is not None:
            text = self._exc_info_to_string(err, test)
            self.outcomes[subtest.id()] = ("failed", text)


def run(name, report_path):
    """Run the tests of a module and write how they ended."""
    from test import support

    # Neither the network nor what takes very long.
    support.use_resources = []
    suite = unittest.defaultTestLoader.loadTestsFromName(f"test.{name}")
    runner = unittest.TextTestRunner(stream=sys.stderr, verbosity=2, resultclass=Report)
    result = runner.run(suite)
    with open(report_path, "w") as report:
        json.dump({"run": result.testsRun, "outcomes": result.outcomes}, report)


if __name__ == "__main__":
    run(*sys.argv[1:3])
